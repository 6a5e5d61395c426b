"""Deep pictures: scaled by what their file says, or by the range that their collection uses."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.images.decoding import decode
from pipeline.images.depth import Range, Ranges, joined, range_of, ranges_of
from pipeline.images.examination import Rejected, examine
from pipeline.images.listing import ImageRecord, open_image, ranges_in, read_list, write_list
from pipeline.images.thumbnails import thumbnail_path

SHAPES = np.random.default_rng(0).integers(0, 256, (6, 9, 12)).astype(np.uint16)
SHAPES[0, 0, :2] = 0, 255


def png(values: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits: grey, or with 2, 3 or 4 values a pixel."""
    colours = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2] if values.ndim == 3 else 1]
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    body = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)), *chunks]
    whole = [*body, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in whole
    )


def tiff(values: np.ndarray, order: str, **tags: int) -> bytes:
    """An uncompressed TIFF of 16 bits in an order of bytes; `tags` as ``t281=4095``."""
    spp = values.shape[2] if values.ndim == 3 else 1
    body = values.astype(f"{order}u2").tobytes()
    entries = {256: values.shape[1], 257: values.shape[0], 259: 1, 262: 2 if spp > 1 else 1, 273: 8, 277: spp}
    entries |= {278: values.shape[0], 279: len(body)} | {int(name[1:]): value for name, value in tags.items()}
    after = 8 + len(body)
    place = after
    extra = b""
    if spp > 1:
        extra, place = struct.pack(f"{order}{spp}H", *[16] * spp), after + 2 * spp
    table = [(tag, 4, 1, struct.pack(f"{order}I", value)) for tag, value in entries.items()]
    bits = struct.pack(f"{order}I", after) if spp > 2 else struct.pack(f"{order}HH", 16, 0)
    table.append((258, 3, spp, bits))
    listed = b"".join(struct.pack(f"{order}HHI", tag, kind, n) + value for tag, kind, n, value in sorted(table))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", place)
    return head + body + extra + struct.pack(f"{order}H", len(table)) + listed + bytes(4)


def looked(folder: Path, files: dict[str, bytes], **options: Any) -> list[ImageRecord]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    found = examine(folder, [Path(name) for name in files], "train", **options)
    assert not any(isinstance(each, Rejected) for each in found)
    return [each for each in found if isinstance(each, ImageRecord)]


def pixels(record: ImageRecord) -> np.ndarray:
    return np.asarray(open_image(Path(), record))


def test_fourteen_bits_are_as_the_eight_bits_that_they_were_made_of(tmp_path: Path) -> None:
    """Guards against thermal pictures of three grey levels."""
    files = {f"{number}.png": png(shape * 3 + 7200) for number, shape in enumerate(SHAPES)}
    records = looked(tmp_path, files, thumbnails=tmp_path / "small")
    assert {record.range for record in records} == {"grey 7200 7965"}
    for record, shape in zip(records, SHAPES, strict=True):
        assert np.array_equal(pixels(record), shape)
        with Image.open(thumbnail_path(tmp_path / "small", record.digest)) as small:
            assert abs(np.asarray(small.convert("L")).astype(int) - shape).mean() < 20
    write_list(tmp_path, records)
    assert read_list(tmp_path) == records
    assert ranges_in(records).plain() == {"grey": [7200, 7965]}


def test_a_new_picture_is_opened_with_the_range_of_the_old_ones(tmp_path: Path) -> None:
    known = ranges_of({"grey": [7200, 7965]})
    (record,) = looked(tmp_path, {"new.png": png(np.full((4, 4), 7302, np.uint16))}, ranges=known)
    assert record.range == "grey 7200 7965"
    assert np.array_equal(pixels(record), np.full((4, 4), 34))
    (record,) = looked(tmp_path, {"other.png": png(SHAPES[0] * 200)}, ranges=Ranges({}))
    assert record.range == "grey 0 51000"


def test_eight_bits_have_no_range(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(SHAPES[0].astype(np.uint8)).save(data, "PNG")
    (record,) = looked(tmp_path, {"a.png": data.getvalue()})
    assert record.range == ""


def test_what_is_added_later_moves_the_range_of_all_and_their_thumbnails(tmp_path: Path) -> None:
    small = tmp_path / "small"
    (first,) = looked(tmp_path, {"a.png": png(SHAPES[0] * 3 + 7200)}, thumbnails=small)
    before = thumbnail_path(small, first.digest).read_bytes()
    both = {"a.png": png(SHAPES[0] * 3 + 7200), "b.png": png(SHAPES[1] + 60000)}
    known = {} if first.range else {first.digest: ""}
    again, _ = looked(tmp_path, both, thumbnails=small, known=known)
    assert again.range == f"grey 7200 {60000 + int(SHAPES[1].max())}"
    assert thumbnail_path(small, first.digest).read_bytes() != before


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_file_that_says_its_range_keeps_it(bits: int, order: str, tmp_path: Path) -> None:
    most = 2**bits - 1
    values = (SHAPES[0].astype(int) * most // 255).astype(np.uint16)
    expected = np.rint(values / most * 255)
    right = np.rint(values * 0.5 / most * 255)
    pgm = f"P5 12 9 {most}\n".encode() + values.astype(">u2").tobytes()
    half = values // 2
    files = {
        "sbit.png": (png(values, (b"sBIT", bytes([bits]))), expected),
        "half.png": (png(half, (b"sBIT", bytes([bits]))), right),
        "max.tiff": (tiff(half, order, t280=0, t281=most), right),
        "max.pgm": (pgm, expected),
        "spread.png": (png(values << (16 - bits), (b"sBIT", bytes([bits]))), expected),
    }
    records = looked(tmp_path, {name: data for name, (data, _) in files.items()})
    for record, (_, wanted) in zip(records, files.values(), strict=True):
        assert record.range == "", record.id
        assert np.abs(pixels(record) - wanted).max() <= 1, record.id


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_a_colour_are_not_cut(channels: int, bits: int, order: str, tmp_path: Path) -> None:
    values = np.random.default_rng(bits).integers(0, 2**bits, (9, 12, channels)).astype(np.uint16)
    values[0, 0, :3] = 2**bits - 1
    if channels == 4:
        values[..., 3] = 65535
    wanted = np.rint(values[..., :3] / (2**bits - 1) * 255)
    files = {"a.png": png(values)} | ({"a.tiff": tiff(values, order)} if channels == 3 else {})
    for record in looked(tmp_path, files):
        assert record.range == f"colour 0 {2**bits - 1}"
        assert np.array_equal(pixels(record), wanted)


def test_deep_grey_with_transparency_keeps_its_levels(tmp_path: Path) -> None:
    values = np.dstack([SHAPES[0] * 16, np.full((9, 12), 65535)]).astype(np.uint16)
    (record,) = looked(tmp_path, {"a.png": png(values)})
    assert record.range == "colour 0 4095"
    assert np.array_equal(pixels(record)[..., 0], np.rint(SHAPES[0] * 16 / 4095 * 255))


def test_real_numbers_share_a_range_too(tmp_path: Path) -> None:
    files = {}
    for number, shape in enumerate(SHAPES[:2]):
        data = io.BytesIO()
        Image.fromarray(shape.astype(np.float32) / 256 + number).save(data, "TIFF")
        files[f"{number}.tiff"] = data.getvalue()
    first, second = looked(tmp_path, files)
    assert first.range == second.range == f"real 0 {1 + float(SHAPES[1].max()) / 256!r}"
    assert pixels(second).min() > 100


def test_a_deep_picture_that_is_cut_off_has_the_range_of_what_is_there(tmp_path: Path) -> None:
    data = io.BytesIO()
    values = (np.random.default_rng(0).integers(0, 700, (60, 80)) + 7200).astype(np.uint16)
    Image.fromarray(values).save(data, "PNG")
    (record,) = looked(tmp_path, {"a.png": data.getvalue()[: len(data.getvalue()) // 2]})
    assert record.remark
    assert record.range.startswith("grey 7") or record.range.startswith("grey 0")


def test_what_is_no_range_is_refused() -> None:
    for text in ("grey", "grey 1", "other 0 1", "grey 2 1", "grey nan 1", "grey 0 inf", "grey 0 1 2", "grey a b"):
        with pytest.raises(ValueError, match=r"range|values|float|finite"):
            range_of(text)
    values: list[Any] = [None, [], {"grey": 1}, {"grey": [1]}, {"grey": ["0", "1"]}, {"x": [0, 1]}, {"grey": [1, 0]}]
    for value in values:
        with pytest.raises(ValueError, match="range"):
            ranges_of(value)
    assert range_of("") is None
    assert joined([]).plain() == {}


def test_a_range_reads_back() -> None:
    for each in (Range("grey", -3, 70000), Range("real", 0.1, 1e-7 + 1), Range("colour", 0, 1023)):
        assert range_of(str(each)) == each


def test_without_a_range_a_picture_has_its_own() -> None:
    found = np.asarray(decode(io.BytesIO(png(SHAPES[0] * 3 + 7200))))
    assert np.array_equal(found, SHAPES[0])
