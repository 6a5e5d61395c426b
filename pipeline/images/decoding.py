"""Decodes picture files: which formats, what of a picture that is deep, turned or transparent, and what is refused."""

from __future__ import annotations

import importlib
import io
import math
import struct
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, by content and not by name: pictures as people have them. Pillow knows more, some of which (EPS)
hands the file to another program."""
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    SyntaxError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise for a file that is no picture, is damaged, or is too large to decode safely; libavif and
libheif have no other word than RuntimeError."""


@cache
def formats() -> list[str]:
    """The formats that Pillow decodes here; HEIF where the package pillow-heif is installed."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


TILE = (TILEWIDTH, TILELENGTH)


def decode(file: Path | io.BytesIO) -> Image.Image:
    """The picture of a file, as `listing.open_image` gives it.

    Raises:
        one of `UNREADABLE`: if it cannot be read.
    """
    with Image.open(file, formats=formats()) as image:
        # Pillow itself refuses twice its limit and warns above the limit; a warning stops nothing.
        pixels, most = image.width * image.height, Image.MAX_IMAGE_PIXELS
        if most is not None and pixels > most:
            raise Image.DecompressionBombError(f"{pixels:,} pixels, expected at most {most:,}")
        # A TIFF of a few pixels may consist of one tile of a billion.
        tile = [image.tag_v2.get(tag, 0) for tag in TILE] if isinstance(image, TiffImageFile) else [0]
        if most is not None and math.prod(tile) > most:
            raise Image.DecompressionBombError(f"a tile of {math.prod(tile):,} pixels, expected at most {most:,}")
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
        return _to_eight_bits(upright)
    if upright.has_transparency_data:
        return _on_white(upright)
    return upright.convert("L" if upright.mode in ("1", "L") else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """A picture with transparent parts in mode ``RGB``, in front of white."""
    result = Image.new("RGB", image.size)
    # In parts: copies of the largest picture would take gigabytes.
    step = max(1, BLOCK // image.width)
    for top in range(0, image.height, step):
        part = image.crop((0, top, image.width, min(top + step, image.height))).convert("RGBA")
        opaque = Image.new("RGBA", part.size, "white")
        opaque.alpha_composite(part)
        result.paste(opaque.convert("RGB"), (0, top))
    return result


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """A deep grey picture in mode ``L``: 16 bits are scaled, other ranges stretched; Pillow would cut them at 255."""
    values = np.asarray(image)
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError("no pixel is a finite number")
    there = values if finite.all() else values[finite]
    least, most = float(there.min()), float(there.max())
    low, high = (0.0, 65535.0) if image.mode != "F" and most > 255 else (least, most)
    result = np.empty(values.shape, np.uint8)
    # In parts: float64 of the largest picture would take gigabytes.
    step = max(1, BLOCK // values.shape[1])
    for rows in (slice(top, top + step) for top in range(0, len(values), step)):
        # Measurements leave out pixels as not finite; they show as the darkest.
        exact = np.where(finite[rows], values[rows], least).astype(np.float64)
        scaled = (exact - low) / max(high - low, 1e-12) * 255
        result[rows] = np.rint(scaled.clip(0, 255))
    return Image.fromarray(result)


BLOCK = 2**20
"""Pixels."""
