"""What the tests of the backbones share: two photos, and a folder for weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_sample_image


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """A landscape and a portrait; of the 640-pixel side, 256-pixel inputs cut off an odd number of pixels."""
    china, flower = (Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg"))
    return [china, flower.transpose(Image.Transpose.ROTATE_90)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A weights folder that is removed at once, since some of these weights have a gigabyte."""
    yield tmp_path / "weights"
    shutil.rmtree(tmp_path / "weights", ignore_errors=True)
