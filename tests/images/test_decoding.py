"""Pictures in every shape that people keep them in, decoded to the right pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.images import parts
from pipeline.images.decoding import decode
from pipeline.images.depth import Range, Ranges

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 255, (6, 8, 3), dtype=np.uint8)
GREY = RNG.integers(0, 255, (6, 8), dtype=np.uint8)


def decoded(image: Image.Image, path: Path, **options: Any) -> Image.Image:
    image.save(path, **options)
    return decode(path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_colours_are_kept(suffix: str, tmp_path: Path) -> None:
    found = decoded(
        Image.fromarray(COLOURS), tmp_path / f"x.{suffix}", **({"lossless": True} if suffix == "webp" else {})
    )
    assert found.mode == "RGB"
    assert np.array_equal(np.asarray(found), COLOURS)


def test_grey_stays_grey(tmp_path: Path) -> None:
    found = decoded(Image.fromarray(GREY), tmp_path / "x.png")
    assert found.mode == "L"
    assert np.array_equal(np.asarray(found), GREY)
    bits = decoded(Image.fromarray(GREY > 100), tmp_path / "bits.png")
    assert np.array_equal(np.asarray(bits), np.where(GREY > 100, 255, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways_gives_an_upright_picture(orientation: int, tmp_path: Path) -> None:
    # What the camera stores so that the orientation brings it back.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](COLOURS)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decoded(Image.fromarray(np.ascontiguousarray(stored)), tmp_path / "x.png", exif=exif)
    assert np.array_equal(np.asarray(found), COLOURS)


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    alpha = np.where(GREY > 127, 255, 0).astype(np.uint8)
    expected = np.where(alpha[:, :, None] == 255, COLOURS, 255)
    found = decoded(Image.fromarray(np.dstack([COLOURS, alpha])), tmp_path / "x.png")
    assert np.array_equal(np.asarray(found), expected)
    palette = Image.fromarray(GREY % 4).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    found = decoded(palette, tmp_path / "p.png", transparency=1)
    assert {tuple(pixel) for pixel in np.asarray(found)[GREY % 4 == 1]} == {(255, 255, 255)}
    assert {tuple(pixel) for pixel in np.asarray(found)[GREY % 4 == 3]} == {(0, 0, 255)}


def test_in_parts_a_picture_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    clear = Image.fromarray(chance.integers(0, 255, (9, 13, 4), dtype=np.uint8))
    few = clear.convert("RGB").quantize(7)
    deep = Image.fromarray(chance.integers(0, 65535, (9, 13), dtype=np.uint16))
    found: list[list[bytes]] = []
    for block in (parts.BLOCK, 30, 1):
        monkeypatch.setattr(parts, "BLOCK", block)
        found.append([])
        for picture, options in ((clear, {}), (few, {"transparency": 2}), (deep, {})):
            data = io.BytesIO()
            picture.save(data, "PNG", **options)
            found[-1].append(decode(data).tobytes())
    assert found[0] == found[1] == found[2]


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path: Path) -> None:
    deep = (GREY.astype(np.uint16) * 257).copy()
    decoded(Image.fromarray(deep), tmp_path / "x.png")
    found = decode(tmp_path / "x.png", Ranges({"grey": Range("grey", 0, 65535)}))
    assert found.mode == "L"
    assert np.array_equal(np.asarray(found), GREY)
    floats = decoded(Image.fromarray(GREY.astype(np.float32) / 255), tmp_path / "f.tiff")
    low, high = int(GREY.min()), int(GREY.max())
    assert np.array_equal(np.asarray(floats), np.rint((GREY - low) / (high - low) * 255))


def test_pixels_without_a_number_are_dark_and_raise_no_warning(tmp_path: Path) -> None:
    values = np.array([[np.nan, 2.0], [4.0, np.inf]], np.float32)
    found = decoded(Image.fromarray(values), tmp_path / "x.tiff")
    assert np.asarray(found).tolist() == [[0, 0], [255, 0]]


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(decode(tmp_path / "x.gif")).reshape(-1, 3).tolist() == [[255, 0, 0]] * 48


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    found = decoded(Image.new("CMYK", (8, 6), (0, 255, 255, 0)), tmp_path / "x.tiff")
    assert found.mode == "RGB"
    assert np.asarray(found)[0, 0].tolist() == [255, 0, 0]
