"""Pictures that are cut off or damaged are used as far as they go, and say so."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.base.csv_tables import read_table
from pipeline.images.decoding import decoded
from pipeline.images.examination import examine
from pipeline.images.listing import COLUMNS, ImageRecord, write_list

GRADIENT = np.add.outer(np.arange(200), np.arange(100)).astype(np.uint8)
PICTURE = Image.fromarray(np.dstack([GRADIENT, GRADIENT + 40, 255 - GRADIENT]) | 1)
ALL = "the last bytes are missing; all rows are there"


def saved(kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    PICTURE.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("colour", [(3, 200, 90), (128, 128, 128), (0, 0, 0)])
def test_a_jpeg_without_its_last_bytes_is_used(colour: tuple[int, int, int], progressive: bool) -> None:
    data = io.BytesIO()
    picture = PICTURE.copy()
    picture.paste(colour, (0, 0, 100, 20))
    picture.save(data, "JPEG", progressive=progressive)
    whole = decoded(io.BytesIO(data.getvalue()))
    cut = decoded(io.BytesIO(data.getvalue()[:-2]))
    assert (whole.remark, cut.remark) == ("", ALL)
    assert np.array_equal(np.asarray(cut.picture), np.asarray(whole.picture))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM"])
def test_the_rows_that_are_there_are_those_of_the_whole(kind: str) -> None:
    data = saved(kind, **({"interlace": 0} if kind == "GIF" else {}))
    whole = np.asarray(decoded(io.BytesIO(data)).picture)
    found = decoded(io.BytesIO(data[: len(data) * 6 // 10]))
    rows = np.asarray(found.picture)
    assert 80 < len(rows) < 160
    assert found.remark == f"cut off or damaged; {len(rows) // 2} % of the rows are there"
    # Where it breaks off a row is there in part; a JPEG's come in blocks of 16, and a little of the next shows.
    odd = 18 if kind == "JPEG" else 1
    if kind == "BMP":
        assert np.array_equal(rows[odd:], whole[len(whole) - len(rows) + odd :])
    else:
        assert np.array_equal(rows[:-odd], whole[: len(rows) - odd])


def test_of_an_interlaced_gif_the_rows_between_are_those_above() -> None:
    data = saved("GIF", interlace=1)
    whole = np.asarray(decoded(io.BytesIO(data)).picture).astype(int)
    found = decoded(io.BytesIO(data[: len(data) * 7 // 10]))
    assert found.picture.size == PICTURE.size
    assert found.remark.startswith("cut off or damaged; ")
    assert np.abs(np.asarray(found.picture).astype(int) - whole).mean() < 10


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM", "WEBP"])
def test_too_little_is_refused(kind: str) -> None:
    data = saved(kind)
    with pytest.raises(Exception):  # noqa: B017, PT011, as every decoder has words of its own
        decoded(io.BytesIO(data[: len(data) // 25]))


def test_damage_in_the_middle_leaves_what_is_above() -> None:
    data = bytearray(saved("PNG"))
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    found = decoded(io.BytesIO(bytes(data)))
    assert found.remark.startswith("cut off or damaged; ")
    rows = np.asarray(found.picture)[:-12]
    assert np.array_equal(rows, np.asarray(PICTURE)[: len(rows)])


def test_a_webp_keeps_its_pixels_where_what_follows_them_is_cut_off() -> None:
    data = saved("WEBP", xmp=b"x" * 100, lossless=True)
    found = decoded(io.BytesIO(data[:-50]))
    assert np.array_equal(np.asarray(found.picture), np.asarray(PICTURE))


def test_the_remark_stands_in_the_list(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved("JPEG")[:-2])
    (tmp_path / "b.jpg").write_bytes(saved("JPEG"))
    found = examine(tmp_path, [Path("a.jpg"), Path("b.jpg")], "train", tmp_path / "thumbnails")
    records = [each for each in found if isinstance(each, ImageRecord)]
    write_list(tmp_path, records)
    assert [row["remark"] for row in read_table(tmp_path / "images.csv", COLUMNS, "")] == [ALL, ""]
    known = {record.digest: record.remark for record in records}
    assert examine(tmp_path, [Path("a.jpg"), Path("b.jpg")], "train", tmp_path / "thumbnails", known) == records
