"""Picture files that are gone, or others, since their list was made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.images import changed
from pipeline.images.changed import check_files
from pipeline.images.datasets.registry import find_dataset
from pipeline.images.listing import LIST_NAME, LostPictureError, open_image, read_list
from pipeline.images.prepare import prepare

AGAIN = "run 'pipeline prepare --dataset images'"


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three files, and a list of them."""
    files = [tmp_path / "pets" / f"{name}.png" for name in "abc"]
    files[0].parent.mkdir()
    for number, file in enumerate(files):
        Image.new("L", (8, 8), 50 * number).save(file)
        os.utime(file, (1e9, 1e9))
    dataset = find_dataset("pets", str(tmp_path / "pets"), None)
    prepare(dataset, tmp_path / "images", tmp_path / "labels.csv", tmp_path / "classes.csv")
    return files


def test_files_as_they_were_are_not_read(pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = (tmp_path / "images" / LIST_NAME).stat().st_mtime
    os.utime(tmp_path / "images" / LIST_NAME, (written + 10, written + 10))
    monkeypatch.setattr(changed, "digest_of_file", None)
    check_files(tmp_path / "images")


def test_a_file_that_was_touched_is_the_same(pictures: list[Path], tmp_path: Path) -> None:
    os.utime(pictures[1])
    check_files(tmp_path / "images")


def test_a_file_with_other_content_is_named(pictures: list[Path], tmp_path: Path) -> None:
    """One that was moved there may be older than the list, and as long as the one before."""
    other = tmp_path / "other.png"
    other.write_bytes(pictures[2].read_bytes())
    os.utime(other, (1e9, 1e9))
    other.rename(pictures[1])
    with pytest.raises(PipelineError, match=r"b\.png: the picture has changed since the list was made; " + AGAIN):
        check_files(tmp_path / "images")
    records = read_list(tmp_path / "images")
    with pytest.raises(LostPictureError, match=r"b\.png: the picture has changed since the list was made"):
        open_image(tmp_path / "images", records[1])
    open_image(tmp_path / "images", records[2])


def test_a_file_that_is_gone_is_named(pictures: list[Path], tmp_path: Path) -> None:
    pictures[2].unlink()
    with pytest.raises(PipelineError, match=r"c\.png: the picture is gone since the list was made .*" + AGAIN):
        check_files(tmp_path / "images")
