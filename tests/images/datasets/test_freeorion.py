"""The art of FreeOrion, on a small tree of the package's layout."""

from __future__ import annotations

from pathlib import Path

from pipeline.images.datasets.freeorion import KINDS
from tests.images.datasets.files import small, write_photo


def test_pictures_right_below_a_kind_are_read(tmp_path: Path) -> None:
    for folder in (*KINDS, "icons/tech/unused", "planets/asteroids", "icons/buttons"):
        write_photo(tmp_path / folder / "one.png")
    split = small("freeorion", tmp_path, {"train": 11}).read()["train"]
    assert split.labels == list(KINDS.values())
