from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.devices import suited
from pipeline.config.settings import DatasetSettings
from pipeline.extraction.plan import describe
from pipeline.features.cache import Features, open_features, write_mix
from pipeline.features.manifest import Manifest
from pipeline.features.memory import BYTES_AN_IMAGE
from pipeline.features.shards import write_shard
from pipeline.heads.head import statistics
from pipeline.heads.predictions import read_assignments, read_runs
from pipeline.heads.streaming import Clean, Stream
from pipeline.methods.fit import fit
from tests.commands import failure
from tests.conftest import SMALL, cores

VIEWS = 4


def sharded(folder: Path, settings: Settings, values: dict[str, np.ndarray], rows: int) -> Features:
    """A cache of embeddings (n, 1 + views, dim) in shards of so many rows."""
    splits = {}
    for split, embeddings in values.items():
        splits[split] = [
            write_shard(
                folder / f"{split}-{first:05d}.h5",
                [f"{split}-{row}" for row in range(first, min(first + rows, len(embeddings)))],
                embeddings[first : first + rows],
                "f" * 64,
            )
            for first in range(0, len(embeddings), rows)
        ]
    described = describe(SMALL, suited(settings.extract, "cpu"))
    dim = next(iter(values.values())).shape[2]
    Manifest("pets", folder.name, "0" * 64, dim, VIEWS, described, splits).write(folder)
    return open_features(folder)


def numbered(images: int) -> np.ndarray:
    """Embeddings that tell their image and their view."""
    image, view = np.meshgrid(np.arange(images), np.arange(1 + VIEWS), indexing="ij")
    return np.stack([image, view], 2).astype(np.float16)


def epoch(stream: Stream, batch: int, seed: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    steps = -(-stream.images // batch)
    return stream.pairs(batch, steps, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("batch", [1, 7, 50, 170])
def test_an_epoch_sees_each_image_once_in_two_views(tmp_path: Path, settings: Settings, batch: int) -> None:
    features = sharded(tmp_path / "a", settings, {"train": numbered(170)}, 16)
    stream = Stream(features, "train", None, memory=13_000, readers=2)
    assert 1 < stream.group < 11
    drawn = list(epoch(stream, batch))
    assert all(ones.shape == others.shape == (batch, 2) for ones, others in drawn)
    ones, others = (torch.cat(halves)[:170] for halves in zip(*drawn, strict=True))
    assert torch.equal(ones[:, 0], others[:, 0])
    assert not (ones[:, 1] == others[:, 1]).any()
    assert set(ones[:, 1].tolist()) == set(others[:, 1].tolist()) == {1, 2, 3, 4}
    assert sorted(ones[:, 0].tolist()) == list(range(170))
    # Neither the order of the shards nor that within them is that of the files.
    assert np.abs(np.corrcoef(ones[:, 0].numpy().astype(float), np.arange(170))[0, 1]) < 0.9


def test_the_same_seed_gives_the_same_pairs(tmp_path: Path, settings: Settings) -> None:
    features = sharded(tmp_path / "a", settings, {"train": numbered(100)}, 16)
    stream = Stream(features, "train", None, memory=13_000)
    one, again, other = (list(islice(epoch(stream, 32, seed), 3)) for seed in (0, 0, 1))
    assert all(
        torch.equal(a, b) for first, second in zip(one, again, strict=True) for a, b in zip(first, second, strict=True)
    )
    assert not torch.equal(one[0][0], other[0][0])


def test_a_stream_takes_no_more_memory_than_it_may(tmp_path: Path, settings: Settings) -> None:
    values = np.zeros((8000, 1 + VIEWS, 512), np.float16)
    features = sharded(tmp_path / "a", settings, {"train": values}, 100)
    memory = values.nbytes // 4
    stream = Stream(features, "train", None, memory, readers=1)
    next(epoch(stream, 500))
    tracemalloc.start()
    try:
        for _ in epoch(stream, 500):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert values.nbytes // 8 < peak < memory


def test_what_is_read_in_pieces_is_what_is_read_at_once(tmp_path: Path, settings: Settings) -> None:
    rng = np.random.default_rng(0)
    for name, dim in (("a", 6), ("b", 4)):
        values = {split: rng.normal(size=(rows, 1 + VIEWS, dim)) for split, rows in (("train", 50), ("test", 20))}
        sharded(tmp_path / name, settings, values, 16)
    mix = write_mix(tmp_path / "a+b")
    whole = mix.read("train", 3)
    pieces = list(mix.blocks("train", 3))
    assert [image_id for piece in pieces for image_id in piece.ids] == whole.ids
    assert np.array_equal(np.concatenate([piece.views for piece in pieces]), whole.views)
    clean = np.concatenate([mix.read(split).clean for split in ("train", "test")])
    assert np.array_equal(np.concatenate(list(Clean(mix))), clean)
    stream = Stream(mix, "train", 3, memory=10**6)
    for unit in (False, True):
        expected = statistics(torch.from_numpy(whole.views), unit)
        for ours, each in zip(stream.statistics(unit), expected, strict=True):
            torch.testing.assert_close(ours, each)
    sample = stream.sample(20, seed=0)
    assert sample.shape == (20, 4, 10)
    rows = [int(np.flatnonzero((whole.views == image).all((1, 2)))[0]) for image in sample]
    assert rows == sorted(set(rows))
    assert np.array_equal(stream.sample(50, seed=0), whole.views)


def test_caches_whose_shards_differ_are_not_read_in_pieces(tmp_path: Path, settings: Settings) -> None:
    for name, rows in (("a", 16), ("b", 20)):
        sharded(tmp_path / name, settings, {"train": numbered(60)}, rows)
    with pytest.raises(PipelineError, match=r"expected shards with the same images.*one extract\.shard_rows for both"):
        next(write_mix(tmp_path / "a+b").blocks("train"))


@pytest.fixture
def groups(tmp_path: Path, settings: Settings) -> Features:
    """600 train and 90 test images in three groups."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (3, 16))
    values = {
        split: centres[np.arange(rows) % 3][:, None] + rng.normal(0, 0.4, (rows, 1 + VIEWS, 16))
        for split, rows in (("train", 600), ("test", 90))
    }
    return sharded(tmp_path / "features" / "pets" / SMALL.name, settings, values, 20)


def fitted(features: Features, settings: Settings, out: Path, memory: int | None, **changes: Any) -> Path:
    training = replace(
        settings.fit.training, hidden=(32, 32, 32, 32), epochs=1, min_steps=80, batch=64, precision="fp32"
    )
    chosen = replace(settings.fit, runs=3, training=training, **changes)
    dataset = DatasetSettings(3, 5.0, None, "published")
    folders = features.folder, out / "heads", out / "predictions"
    fit("pets", *folders, chosen, settings.extract, dataset, "cpu", memory=memory)
    return out


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> int:
    """A memory that the groups' embeddings do not fit into, as if the process itself took none."""
    monkeypatch.setattr("pipeline.features.memory.process_memory", lambda: 0)
    monkeypatch.setattr("pipeline.features.memory.RESERVED", 0)
    return 690 * BYTES_AN_IMAGE + 150_000


def test_a_fit_beyond_its_memory_finds_the_same_groups(
    groups: Features, settings: Settings, tmp_path: Path, tight: int, capsys: pytest.CaptureFixture[str]
) -> None:
    out = fitted(groups, settings, tmp_path / "streamed", tight)
    whole = fitted(groups, settings, tmp_path / "whole", None)
    told = capsys.readouterr().err
    assert "kmeans: fitted to" in told
    assert "of 600 images, drawn at random, as --memory has no place for more; it assigns all of them" in told
    assert "scp: fitted to" not in told
    for method in ("scp", "kmeans"):
        assigned = read_assignments(out / "predictions" / method)
        assert assigned.ids == read_assignments(whole / "predictions" / method).ids
        assert len({tuple(assigned.clusters[start::3]) for start in range(3)}) == 3
        for start in range(3):
            assert len(set(assigned.clusters[start::3])) == 1, method
    # Another set of pairs was drawn, so that this is no comparison of a thing with itself.
    losses = [(folder / "heads" / "scp" / "summary.json").read_text() for folder in (out, whole)]
    assert losses[0] != losses[1]


def test_a_fit_beyond_its_memory_gives_the_same_bytes_on_any_number_of_cores(
    groups: Features, settings: Settings, tmp_path: Path, tight: int
) -> None:
    first = fitted(groups, settings, tmp_path / "first", tight, methods=("scp",))
    with cores(1):
        second = fitted(groups, settings, tmp_path / "second", tight, methods=("scp",))
    for path in sorted(first.rglob("*.*")):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path
    assert read_runs(first / "predictions" / "scp").shape == (690, 3)


def test_a_fit_with_memory_enough_is_the_usual_one(groups: Features, settings: Settings, tmp_path: Path) -> None:
    first = fitted(groups, settings, tmp_path / "first", 10**11)
    second = fitted(groups, settings, tmp_path / "second", None)
    for path in sorted(first.rglob("*.*")):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


def test_too_little_memory_is_refused(groups: Features, settings: Settings, tmp_path: Path, tight: int) -> None:
    with pytest.raises(PipelineError, match=r"expected .* MB at least for shards of .* give --memory more"):
        fitted(groups, settings, tmp_path / "out", tight - 120_000)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["2", "two GB", "-1GB", "2XB", ""])
def test_a_size_is_a_number_with_a_unit(
    text: str, project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    assert "expected a size such as 2GB" in failure(capsys, monkeypatch, "fit", f"--memory={text}")
