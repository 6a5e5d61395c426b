"""What is looked at once: records, and thumbnails that are made on the way."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.images import examination
from pipeline.images.examination import Rejected, examine
from pipeline.images.listing import digest_of
from pipeline.images.thumbnails import thumbnail_path

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 255, (6, 8, 3), dtype=np.uint8)


def test_pictures_with_the_same_content_share_a_thumbnail(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(RNG.integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(data, "PNG")
    names = [Path(f"{number}.png") for number in range(60)]
    for name in names:
        (tmp_path / name).write_bytes(data.getvalue())
    records = examine(tmp_path, names, "train", tmp_path / "thumbnails")
    assert [record for record in records if isinstance(record, Rejected)] == []
    (small,) = (path for path in (tmp_path / "thumbnails").rglob("*") if path.is_file())
    assert small == thumbnail_path(tmp_path / "thumbnails", digest_of(data.getvalue()))
    with Image.open(small) as picture:
        assert picture.size == (160, 120)


def test_a_picture_with_a_thumbnail_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    first = examine(tmp_path, [Path("x.png")], "train", tmp_path / "thumbnails")
    known = {digest_of((tmp_path / "x.png").read_bytes()): ""}
    monkeypatch.setattr(examination, "decoded", None)
    assert examine(tmp_path, [Path("x.png")], "train", tmp_path / "thumbnails", known) == first


def test_a_thumbnail_that_cannot_be_written_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    (tmp_path / "thumbnails").write_text("a file in the way")
    with pytest.raises(OSError, match="thumbnails"):
        examine(tmp_path, [Path("x.png")], "train", tmp_path / "thumbnails")
