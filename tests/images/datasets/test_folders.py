"""Folders of pictures: splits and classes from the folders' names."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.cli.project import dataset_of
from pipeline.cli.settings import read_params
from pipeline.images.datasets.entry import Split
from pipeline.images.datasets.registry import find_dataset
from pipeline.images.prepare import prepare
from tests.images.datasets.files import write_photo


def folder_of(tmp_path: Path, *names: str) -> dict[str, Split]:
    """The splits of a folder with pictures of these names."""
    for name in names:
        write_photo(tmp_path / name)
    return find_dataset("pets", str(tmp_path), None).read()


def names(split: Split) -> list[str]:
    return [str(path) for path in split.pictures]


def test_all_pictures_below_a_folder_are_one_split(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    splits = folder_of(tmp_path, "b.PNG", "a.jpg", "deep/er/c.webp", ".hidden/d.png", ".e.png", "deep/é 中.bmp")
    assert list(splits) == ["train"]
    assert names(splits["train"]) == ["a.jpg", "b.PNG", "deep/er/c.webp", "deep/é 中.bmp"]
    assert splits["train"].labels is None


def test_class_folders_are_labels(tmp_path: Path) -> None:
    splits = folder_of(tmp_path, "cat/a.png", "cat/more/b.png", "dog/a.png")
    assert splits["train"].labels == ["cat", "cat", "dog"]
    assert folder_of(tmp_path, "stray.png")["train"].labels is None


def test_what_systems_leave_is_no_picture_and_no_class(tmp_path: Path) -> None:
    junk = ("@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", "#recycle/old.png", "cat/@eaDir/a.png/x.jpg", "cat/._a.png")
    splits = folder_of(tmp_path, "cat/a.png", "dog/a.png", *junk)
    assert names(splits["train"]) == ["cat/a.png", "dog/a.png"]
    assert splits["train"].labels == ["cat", "dog"]
    # Who names such a folder means it.
    assert len(find_dataset("pets", str(tmp_path / "@eaDir"), None).read()["train"].pictures) == 1


def test_more_may_be_excluded(tmp_path: Path, project: Callable[..., Path]) -> None:
    pets = {
        "folder": str(tmp_path / "pets"),
        "clusters": 2,
        "balance_weight": 1.0,
        "image_size": None,
        "geometry": "pad",
    }
    for name in ("cat/a.png", "cat/b.tif", "drafts/a.png", "dog/a.png"):
        write_photo(tmp_path / "pets" / name)
    project(**{"datasets.pets": {**pets, "exclude": ["*.tif", "drafts/"]}})
    splits = dataset_of("pets", read_params()).read()
    assert names(splits["train"]) == ["cat/a.png", "dog/a.png"]


def test_one_class_folder_alone_is_no_label(tmp_path: Path) -> None:
    assert folder_of(tmp_path, "cat/a.png", "cat/b.png")["train"].labels is None


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_folders_named_so_are_splits(held_out: str, tmp_path: Path) -> None:
    splits = folder_of(tmp_path, "train/cat/a.png", "train/dog/b.png", f"{held_out}/dog/a.png")
    assert {name: names(split) for name, split in splits.items()} == {
        "train": ["train/cat/a.png", "train/dog/b.png"],
        "test": [f"{held_out}/dog/a.png"],
    }
    assert splits["train"].labels == ["cat", "dog"]
    assert splits["test"].labels == ["dog"]
    # A third folder makes them classes like any other.
    assert list(folder_of(tmp_path, "other/c.png")) == ["train"]


def test_links_that_loop_end(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "again").symlink_to(tmp_path)
    assert names(folder_of(tmp_path, "cat/a.png", "dog/b.png")["train"]) == ["cat/a.png", "dog/b.png"]


@pytest.mark.parametrize(
    ("closed", "train", "test"),
    [
        ("train/cat", ["cat", "dog", "dog"], ["cat", "dog"]),
        ("train/cat/deep", ["cat", "cat", "dog", "dog"], ["cat", "dog"]),
        ("test", ["cat", "dog", "dog"], [""]),
    ],
)
def test_a_folder_that_cannot_be_listed_stands_for_its_pictures(
    closed: str, train: list[str], test: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against pictures that vanish without a word, and labels and splits with them."""
    (tmp_path / closed).mkdir(parents=True)
    scandir = os.scandir

    # The tests may run as a user to whom nothing is closed.
    def refuse(path: str) -> object:
        if Path(path) == tmp_path / closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files = ["train/cat/1.png", "train/dog/1.png", "train/dog/2.png", "test/cat/1.png", "test/dog/1.png"]
    splits = folder_of(tmp_path, *files)
    assert (splits["train"].labels, splits["test"].labels) == (train, test)
    assert closed in [*names(splits["train"]), *names(splits["test"])]
    prepare(find_dataset("pets", str(tmp_path), None), tmp_path / "images", tmp_path / "l.csv", tmp_path / "c.csv")
    assert (tmp_path / "images" / "rejected.csv").read_text() == f"path,reason\n{closed},Permission denied\n"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"expected pictures \(\.bmp .*\), found none"):
        folder_of(tmp_path)
    with pytest.raises(PipelineError, match="expected a folder of pictures, found nothing"):
        find_dataset("pets", str(tmp_path / "gone"), None).read()
    with pytest.raises(PipelineError, match="expected a folder of pictures, found a file"):
        find_dataset("pets", str(write_photo(tmp_path / "a.png")), None).read()
