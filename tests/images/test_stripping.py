"""Whatever stands beside the pixels of a file, the pixels are those of the file without it."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from pipeline.images.decoding import decode
from pipeline.images.examination import examine
from pipeline.images.listing import ImageRecord

COLOURS = np.random.default_rng(0).integers(0, 255, (24, 40, 3), dtype=np.uint8)
PICTURE = Image.fromarray(COLOURS)
TYPES = (*range(14), 16, 17, 18, 99)
TAGS = (0x10E, 0x10F, 0x110, 0x11A, 0x11B, 0x128, 0x131, 0x132, 0x8298, 0x8769, 0x8825, 0x9286, 0xA005, 0x927C, 700)


def exif(tags: list[tuple[int, int, int, bytes]], orientation: int = 6, order: str = "<") -> bytes:
    """EXIF with an orientation and other tags: number, type, count and the four bytes of the value."""
    entries = sorted([*tags, (0x112, 3, 1, struct.pack(f"{order}HH", orientation, 0))])
    body = b"".join(struct.pack(f"{order}HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return b"Exif\0\0" + head + body + bytes(4 + 64)


def saved(kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    PICTURE.save(data, kind, **options)
    return data.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(io.BytesIO(data)))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with other chunks before and after its pixels, and with wrong checksums of all of them."""
    whole = saved("PNG")
    extra = b"".join(struct.pack(">I", len(body)) + kind + body + b"\0\0\0\0" for kind, body in chunks)
    return whole[:33] + extra + whole[33:-12] + extra + whole[-12:]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_odd_tag_of_exif_costs_a_picture(kind: str, order: str) -> None:
    """Make as RATIONAL ended the run in a traceback, and XResolution as UNDEFINED was refused."""
    expected = np.rot90(pixels(saved(kind)), -1)
    for tag in TAGS:
        for number in TYPES:
            for count, value in ((1, b"\x1a\0\0\0"), (5, b"\xff\xff\xff\xff"), (2**31, b"\1\0\0\0")):
                found = pixels(saved(kind, exif=exif([(tag, number, count, value)], order=order)))
                assert np.array_equal(found, expected), (tag, number, count)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_no_odd_tag_of_exif_costs_an_avif() -> None:
    even = Image.Exif()
    even[0x112], even[0x10F] = 6, "a maker"
    whole = saved("AVIF", exif=even, speed=10)
    expected = pixels(whole)
    assert expected.shape == (40, 24, 3)
    at = whole.rindex(struct.pack(">HH", 0x10F, 2) if b"MM\0*" in whole else struct.pack("<HH", 0x10F, 2))
    for kind in TYPES:
        damaged = whole[: at + 2] + bytes([kind % 256]) * 2 + b"\xff" * 8 + whole[at + 12 :]
        assert np.array_equal(pixels(damaged), expected)


def test_an_orientation_of_another_type_or_value_turns_nothing() -> None:
    for tag in ((0x112, 5, 1, b"\6\0\0\0"), (0x112, 2, 1, b"6\0\0\0"), (0x112, 3, 1, b"\x63\0\0\0")):
        data = exif([tag], 0).replace(struct.pack("<HHIHH", 0x112, 3, 1, 0, 0), b"")
        assert np.array_equal(pixels(saved("PNG", exif=data)), COLOURS)


def test_what_a_png_says_beside_its_pixels_does_not_matter() -> None:
    noise = np.random.default_rng(1).bytes(2**21)
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "n" * 2_000_000, zip=True)
    for data in (
        saved("PNG", pnginfo=text),
        saved("PNG", icc_profile=noise),
        png((b"tEXt", b"a\0b")),
        png((b"zTXt", b"a\0\0no zlib"), (b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2**24)))),
        png((b"iCCP", b"p\0\0" + zlib.compress(bytes(2**24))), (b"gAMA", b""), (b"cHRM", b"1"), (b"pHYs", b"")),
        png((b"sRGB", b""), (b"acTL", b"\xff" * 8), (b"fcTL", b"\xff" * 26), (b"tRNS", b"1"), (b"eXIf", b"II*")),
    ):
        assert np.array_equal(pixels(data), COLOURS)


def test_a_zipped_text_is_not_unpacked() -> None:
    data = png((b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26))))
    tracemalloc.start()
    assert np.array_equal(pixels(data), COLOURS)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_what_a_jpeg_says_beside_its_pixels_does_not_matter() -> None:
    whole = saved("JPEG")
    expected = pixels(whole)
    segments = [b"\xff" + bytes([0xE0 + number]) + b"\0\x06odd\0" for number in range(16)]
    segments += [
        b"\xff\xfe\0\x04\0\0",
        b"\xff\xe0\0\x07JFIF\0",
        b"\xff\xe2\0\x0eICC_PROFILE\0",
        b"\xff\xe2\0\x0aMPF\0II*\0",
    ]
    segments += [
        b"\xff\xe1\0\x0aExif\0\0II",
        b"\xff\xed\0\x12Photoshop 3.0\0" + b"8B",
        b"\xff\xff\xff\xfe\0\2",
        b"rubbish",
    ]
    for segment in segments:
        if segment != b"rubbish":
            assert np.array_equal(pixels(whole[:2] + segment + whole[2:]), expected), segment
        assert np.array_equal(pixels(whole[:20] + segment + whole[20:]), expected), segment
    for space in ("CMYK", "L"):
        odd, even = io.BytesIO(), io.BytesIO()
        PICTURE.convert(space).save(odd, "JPEG", exif=exif([(0x10F, 5, 1, b"\xff" * 4)], 1))
        PICTURE.convert(space).save(even, "JPEG")
        with Image.open(even) as image:
            assert np.array_equal(pixels(odd.getvalue()), np.asarray(image.convert("L" if space == "L" else "RGB")))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("big", [False, True])
def test_no_odd_tag_of_a_tiff_costs_a_picture(compression: str | None, big: bool) -> None:
    whole = saved(
        "TIFF", compression=compression, big_tiff=big, tiffinfo={274: 6, 282: 72.0, 283: 72.0, 296: 3, 305: "me"}
    )
    expected = np.rot90(COLOURS, -1)
    assert np.array_equal(pixels(whole), expected)
    for tag in (282, 283, 296, 305):
        for number in TYPES:
            at = whole.rindex(struct.pack("<HH", tag, {282: 5, 283: 5, 296: 3, 305: 2}[tag]))
            odd = whole[: at + 2] + struct.pack("<H", number) + whole[at + 4 :]
            assert np.array_equal(pixels(odd), expected), (tag, number)


def test_a_folder_of_odd_pictures_is_used_whole(tmp_path: Path) -> None:
    names = []
    for number in range(6):
        names.append(Path(f"{number}.png"))
        PICTURE.save(tmp_path / names[-1])
    names.append(Path("odd.jpg"))
    (tmp_path / "odd.jpg").write_bytes(saved("JPEG", exif=exif([(0x10F, 5, 1, b"\x1a\0\0\0")])))
    found = examine(tmp_path, names, "train")
    assert all(isinstance(each, ImageRecord) and not each.remark for each in found)


def test_any_exception_of_a_decoder_is_the_rejection_of_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OddError(Exception):
        pass

    def fail(*_: object) -> None:
        raise OddError("of its own kind")

    PICTURE.save(tmp_path / "a.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    (found,) = examine(tmp_path, [Path("a.png")], "train")
    assert found == ("a.png", "of its own kind")
