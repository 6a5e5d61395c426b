from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.features.manifest import Manifest, read_manifest, read_split
from pipeline.features.shards import Shard, write_shard
from tests.features.test_shards import IDS, VALUES


@pytest.fixture
def shard(tmp_path: Path) -> tuple[Path, Shard]:
    path = tmp_path / "data" / "backbone" / "train-00000.h5"
    return path, write_shard(path, IDS, VALUES, "f" * 64)


def manifest_for(shard: Shard) -> Manifest:
    return Manifest("data", "backbone", "0" * 64, 5, 2, {"seed": 0}, {"train": [shard]})


def test_a_manifest_round_trip(shard: tuple[Path, Shard]) -> None:
    path, listed = shard
    manifest_for(listed).write(path.parent)
    assert read_manifest(path.parent) == manifest_for(listed)
    value = json.loads((path.parent / "manifest.json").read_text())
    assert {"schema_version", "fingerprint", "dataset", "backbone", "weights_sha256", "dim", "views", "dtype"} <= set(
        value
    )
    assert value["splits"]["train"]["rows"] == 4
    assert value["splits"]["train"]["shards"][0]["rows"] == 4
    split = read_split(path.parent, manifest_for(listed), "train")
    assert split.views.tobytes() == VALUES.tobytes()


def test_a_split_of_several_shards_keeps_the_order(tmp_path: Path) -> None:
    shards = [
        write_shard(tmp_path / f"train-{i}.h5", IDS[2 * i : 2 * i + 2], VALUES[2 * i : 2 * i + 2], "f" * 64)
        for i in range(2)
    ]
    manifest = Manifest("data", "backbone", "0" * 64, 5, 2, {}, {"train": shards})
    split = read_split(tmp_path, manifest, "train")
    assert split.ids == IDS
    assert split.views.tobytes() == VALUES.tobytes()
    with pytest.raises(
        PipelineError, match=r"train-0\.h5: expected embeddings of shape \(2, 3, 6\), found \(2, 3, 5\)"
    ):
        read_split(tmp_path, replace(manifest, dim=6), "train")
    with pytest.raises(PipelineError, match="no split 'test'; found: train"):
        read_split(tmp_path, manifest, "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value.update(schema_version=1), "expected schema version 2, found 1; .* keeps the shards"),
        (lambda value: value.update(views=8), "edited or damaged"),
        (lambda value: value.pop("splits"), "not the manifest"),
        (lambda value: value.update(extra=1), "not the manifest"),
    ],
)
def test_a_wrong_manifest_is_refused(shard: tuple[Path, Shard], change: object, message: str) -> None:
    path, listed = shard
    manifest_for(listed).write(path.parent)
    file = path.parent / "manifest.json"
    value = json.loads(file.read_text())
    change(value)  # type: ignore[operator]
    file.write_text(json.dumps(value))
    with pytest.raises(PipelineError, match=message) as error:
        read_manifest(path.parent)
    assert "pipeline extract --dataset data --backbone backbone" in str(error.value)


def test_a_manifest_that_says_the_same_stays_as_it_is(shard: tuple[Path, Shard]) -> None:
    path, listed = shard
    file = path.with_name("manifest.json")
    manifest_for(listed).write(path.parent)
    before = file.stat().st_ino
    manifest_for(listed).write(path.parent)
    assert file.stat().st_ino == before
    text = file.read_text()
    file.write_text(text.replace("\n", " "))
    manifest_for(listed).write(path.parent)
    assert file.read_text() == text


def test_no_manifest_means_no_finished_cache(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no finished feature cache"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(PipelineError, match="not JSON"):
        read_manifest(tmp_path)
