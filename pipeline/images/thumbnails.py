"""Thumbnails: how a picture becomes a small file, and where the file of each is kept."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

THUMBNAIL_SIDE = 160


def thumbnail(image: Image.Image, side: int) -> bytes:
    """A picture as a WebP file of at most side x side pixels, its aspect kept; a smaller one keeps its size."""
    small = image.copy()
    small.thumbnail((side, side))
    data = io.BytesIO()
    small.save(data, "WebP", quality=80)
    return data.getvalue()


def thumbnail_path(folder: Path, digest: str) -> Path:
    """The file of a thumbnail by the digest of its picture."""
    return folder / digest[:2] / f"{digest}.webp"
