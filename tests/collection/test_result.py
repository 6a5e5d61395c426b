from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.cli.settings import read_params
from pipeline.collection.result import Collection, default_folder, only_collection
from pipeline.config.params import DEFAULTS
from pipeline.images.sources import find_files
from tests.conftest import ROOT


def test_the_package_carries_the_repositorys_parameters() -> None:
    assert DEFAULTS.read_text() == (ROOT / "params.yaml").read_text()
    assert read_params(DEFAULTS).cluster.backbone == "efficientnet-lite0"


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(PipelineError, match="expected an empty folder or an earlier result"):
        Collection(tmp_path / "mine").claim(["a"], tmp_path, replace=True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    with pytest.raises(PipelineError, match="expected a folder for the results, found a file"):
        Collection(tmp_path / "mine" / "letter.txt").claim(["a"], tmp_path, replace=True)


def test_results_are_gone_on_with_and_never_taken_for_pictures(tmp_path: Path) -> None:
    collection = Collection(tmp_path / "out")
    collection.claim(["a"], tmp_path, replace=False)
    (collection.folder / "x.jpg").write_bytes(b"")
    collection.claim(["a"], tmp_path, replace=False)
    (tmp_path / "a.jpg").write_bytes(b"")
    assert find_files([str(tmp_path)], Path("elsewhere")).paths == [Path("a.jpg")]
    for place in (collection.thumbnails, collection.folder / "cache"):
        assert (place / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_results_of_other_pictures_do_not_give_way_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("photos", "old/photos"):
        (tmp_path / place).mkdir(parents=True)
    collection = Collection(tmp_path / "photos-clusters")
    for made, root, fits, others in (
        (["photos"], "photos", ["./photos/"], ["old/photos"]),
        (["photos/*.jpg"], "photos", ["photos/*.jpg"], ["photos/*.png"]),
        (["photos/a.jpg", "photos/b.jpg"], "photos", ["photos/a.jpg", "photos/b.jpg"], ["photos/a.jpg"]),
    ):
        collection.claim(made, tmp_path / root, replace=True)
        write_json(collection.about, {"sources": made, "root": str(tmp_path / root)})
        collection.claim(fits, tmp_path / root, replace=False)
        other_root = tmp_path / ("old/photos" if "old/photos" in others else root)
        with pytest.raises(PipelineError, match=r"found those of .*; give --out another folder"):
            collection.claim(others, other_root, replace=False)
        collection.claim(others, other_root, replace=True)


def test_a_result_that_never_came_to_its_end_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two"):
        Collection(Path(folder)).claim(["a"], tmp_path, replace=False)
    with pytest.raises(PipelineError, match="found none; name it with --in"):
        only_collection()
    write_json(Path("two/run.json"), {"clusters": 2})
    assert only_collection() == Path("two")


def test_the_folder_is_named_after_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    (tmp_path / "a.b").mkdir()
    for sources, expected in (
        (["."], "photos-clusters"),
        (["../photos/"], "photos-clusters"),
        (["../a.b"], "a.b-clusters"),
        (["list.txt"], "list-clusters"),
        (["*.jpg"], "pictures-clusters"),
        (["a.jpg", "b.jpg"], "pictures-clusters"),
    ):
        assert default_folder(sources) == Path(expected)
