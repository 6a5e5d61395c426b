"""Packages whose folders are classes, on a small tree."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Split
from tests.images.datasets.files import write_photo


def test_folders_are_classes_with_all_below_them(tmp_path: Path) -> None:
    for name in ("birds/b.png", "birds/a.jpg", "birds/small/c.gif", "trees/oak.png", "clouds/one.png"):
        write_photo(tmp_path / name)
    (tmp_path / "birds" / "song.ogg").write_bytes(b"")
    found = read_class_folders(tmp_path, {"trees": "tree", "birds": "bird"})
    pictures = [Path(name) for name in ("trees/oak.png", "birds/a.jpg", "birds/b.png", "birds/small/c.gif")]
    assert found == {"train": Split(pictures, ["tree", "bird", "bird", "bird"])}


def test_one_of_the_same_pictures_is_read(tmp_path: Path) -> None:
    """Guards against a picture that a package has under two names, maybe in two classes."""
    first = write_photo(tmp_path / "birds" / "wren.png")
    for name in ("birds/zaunkoenig.png", "trees/wren.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(first, tmp_path / name)
    found = read_class_folders(tmp_path, {"birds": "bird", "trees": "tree"})
    assert found == {"train": Split([Path("birds/wren.png")], ["bird"])}


def test_what_is_kept_and_its_class_may_be_said_by_the_name(tmp_path: Path) -> None:
    for name in ("all/oak_1.png", "all/oak_2.png", "all/wren_1.png"):
        write_photo(tmp_path / name)
    found = read_class_folders(
        tmp_path, {"all": ""}, keep=lambda path: path.stem.endswith("_1"), name=lambda path: path.stem.partition("_")[0]
    )
    assert found == {"train": Split([Path("all/oak_1.png"), Path("all/wren_1.png")], ["oak", "wren"])}
