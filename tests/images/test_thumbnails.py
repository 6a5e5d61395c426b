"""Thumbnails are small, and the picture stays as it was."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from pipeline.images.thumbnails import thumbnail


@pytest.mark.parametrize(("size", "mode", "expected"), [((28, 28), "L", (28, 28)), ((640, 320), "RGB", (64, 32))])
def test_a_thumbnail_is_small_and_the_picture_stays(
    size: tuple[int, int], mode: str, expected: tuple[int, int]
) -> None:
    image = Image.new(mode, size)
    assert Image.open(io.BytesIO(thumbnail(image, 64))).size == expected
    assert image.size == size
