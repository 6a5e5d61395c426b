"""Transparent pictures stand before white, or before black where white would hide them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipeline.images.decoding import decode


def strokes(*colours: tuple[int, int, int], alpha: int = 255) -> np.ndarray:
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for number, colour in enumerate(colours):
        draw.line((4, 10 + 20 * number, 60, 14 + 20 * number), (*colour, alpha), 4)
    data = io.BytesIO()
    picture.save(data, "PNG")
    return np.asarray(decode(data))


WHITE, BLACK, RED, PALE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (240, 244, 250)


@pytest.mark.parametrize(
    ("colours", "behind"),
    [
        ((WHITE,), 0),
        ((PALE,), 0),
        ((BLACK,), 255),
        ((RED,), 255),
        ((WHITE, BLACK), 255),
        ((WHITE, RED), 255),
        ((WHITE, WHITE, PALE), 0),
    ],
)
def test_strokes_are_seen(colours: tuple[tuple[int, int, int], ...], behind: int) -> None:
    found = strokes(*colours)
    assert found[0, 0].tolist() == [behind] * 3
    assert found.std() > 10


def test_half_transparent_white_is_seen() -> None:
    assert np.unique(strokes(WHITE, alpha=128)).tolist() == [0, 128]


def test_nothing_at_all_is_white() -> None:
    assert (strokes(WHITE, alpha=0) == 255).all()


def test_what_is_opaque_stays_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 4), dtype=np.uint8)
    for level in (None, 255):
        pixels[..., 3] = 255
        if level:
            pixels[..., :3] = level
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "PNG")
        assert np.array_equal(np.asarray(decode(data)), pixels[..., :3])


def test_a_white_page_with_a_little_ink_stays_white() -> None:
    page = Image.new("RGBA", (200, 200), (255, 255, 255, 255))
    ImageDraw.Draw(page).text((20, 20), "a few words of ink", (0, 0, 0, 255))
    page.putpixel((0, 0), (0, 0, 0, 0))
    ImageDraw.Draw(page).rectangle((20, 100, 180, 104), (0, 0, 0, 255))
    data = io.BytesIO()
    page.save(data, "PNG")
    assert np.asarray(decode(data))[0, 0].tolist() == [255, 255, 255]


def test_a_transparent_palette_is_seen() -> None:
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([9, 9, 9, 255, 255, 255])
    picture.paste(1, (8, 8, 24, 12))
    data = io.BytesIO()
    picture.save(data, "GIF", transparency=0)
    assert np.asarray(decode(data))[0, 0].tolist() == [0, 0, 0]
