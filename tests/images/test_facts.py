from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from pipeline.images.facts import changed, facts_of


def test_a_photo_has_its_date_and_is_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2021:05:31 17:05:59"
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    found = facts_of(path)
    assert (found.width, found.height, found.taken, found.format) == (20, 30, "2021-05-31 17:05:59", "JPEG")
    assert found.size == path.stat().st_size
    assert not found.lossless


@pytest.mark.parametrize("said", ["0000:00:00 00:00:00", "2021:02:30 10:00:00", "yesterday", ""])
def test_what_is_no_date_is_none(said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0132] = said
    Image.new("RGB", (3, 2)).save(path, exif=exif)
    found = facts_of(path)
    assert found.taken == ""
    assert found.lossless


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_no_pixel_is_decoded(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"with.{suffix}", tmp_path / f"without.{suffix}"]
    exif = Image.Exif()
    exif[0x0132] = "2021:05:31 17:05:59"
    Image.new("RGB", (30, 20)).save(paths[0], exif=exif)
    Image.new("RGB", (30, 20)).save(paths[1])
    for kind in (ImageFile.ImageFile, PngImagePlugin.PngImageFile, TiffImagePlugin.TiffImageFile):
        monkeypatch.setattr(kind, "load", lambda image: pytest.fail("decoded"))
    assert [facts_of(path).taken for path in paths] == ["2021-05-31 17:05:59", ""]


def test_when_a_file_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    os.utime(path, (86400 * 365, 86400 * 365))
    assert changed(path).startswith(("1971-01-01", "1970-12-31"))


def test_a_file_that_is_no_picture_has_a_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture")
    found = facts_of(path)
    assert (found.width, found.height, found.size, found.format) == (0, 0, 10, "")
