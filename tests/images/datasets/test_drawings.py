"""The drawings of pysiogame and Scratch, on small trees of their packages' layout."""

from __future__ import annotations

from pathlib import Path

from pipeline.images.datasets.drawings import MEDIA, STYLES, WORDS
from tests.images.datasets.files import small, write_photo


def test_words_are_read_from_their_folders(tmp_path: Path) -> None:
    for folder in WORDS:
        write_photo(tmp_path / folder / "one.jpg")
    split = small("pysiogame", tmp_path, {"train": 12}).read()["train"]
    assert split.labels == list(WORDS.values())


def test_a_figure_is_read_in_its_first_pose(tmp_path: Path) -> None:
    """Guards against a cluster that is one figure's movements."""
    for folder in MEDIA:
        write_photo(tmp_path / folder / "one.gif")
    for name in ("bat1-a.png", "bat1-b.png", "cassy-dancing-1.png", "cassy-dancing-4.png", "fish2.png"):
        write_photo(tmp_path / "Costumes" / "Animals" / name)
    split = small("scratch", tmp_path, {"train": 11}).read()["train"]
    found = [path.name for path in map(Path, split.pictures) if path.parent.name == "Animals"]
    assert found == ["bat1-a.png", "cassy-dancing-1.png", "fish2.png", "one.gif"]


def test_letters_are_read_in_all_styles(tmp_path: Path) -> None:
    for style in STYLES:
        for letter in "a7":
            write_photo(tmp_path / "Costumes" / "Letters" / style / f"{letter}.gif")
    split = small("scratch-letters", tmp_path, {"train": 20}).read()["train"]
    assert split.labels == ["7", "a"] * 10
