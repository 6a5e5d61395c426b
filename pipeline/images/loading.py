"""Opens a picture without what is no pixel, and loads its pixels: all of them, or the rows that are there."""

from __future__ import annotations

import importlib
import struct
from contextlib import suppress
from functools import cache
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from pipeline.images import limits
from pipeline.images.parts import strips
from pipeline.images.stripping import Stripped

FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, by content and not by name: pictures as people have them. Pillow knows more, some of which (EPS)
hands the file to another program."""
SHARE = 0.1
"""Ours: of the rows of a picture, which must be there for it to be used."""
UNTOUCHED, FILLED = (0,), (127, 128)
"""Values of the rows that a decoder did not come to: as they were, and as libjpeg fills them."""


@cache
def formats() -> list[str]:
    """The formats that Pillow decodes here; HEIF where the package pillow-heif is installed."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def opened(stream: IO[bytes]) -> ImageFile.ImageFile:
    """A picture whose size is known and no pixel is decoded; as `Image.open`, but for the limit, which is ours.

    Raises:
        UnidentifiedImageError: if it is of no format that is known here.
    """
    head = stream.read(16)
    for name in formats():
        factory, accept = Image.OPEN[name]
        with suppress(SyntaxError, IndexError, TypeError, struct.error):
            if accept is None or accept(head) is True:
                stream.seek(0)
                return factory(stream, "")
    raise UnidentifiedImageError("not a picture of a known format")


def checked(stream: IO[bytes]) -> ImageFile.ImageFile:
    """As `opened`, of a size that may be decoded.

    Raises:
        UnidentifiedImageError: see `opened`.
        Image.DecompressionBombError: see `limits.check_size`.
    """
    image = opened(stream)
    limits.check_size(image.size, image.format)
    if isinstance(image, TiffImageFile):
        # A TIFF of a few pixels may consist of one tile of a billion.
        tile = [image.tag_v2.get(tag, 0) for tag in (TILEWIDTH, TILELENGTH)]
        if all(isinstance(side, int) for side in tile):
            limits.check_size((tile[0], tile[1]), image.format, "a tile of ")
    return image


class Loaded(NamedTuple):
    """A picture as its decoder gives it."""

    image: Image.Image
    rows: int
    """That are there, from the top on."""
    share: int | None
    """Percent of the rows that are there, where the file is cut off or damaged; None: it is whole."""


def load(stripped: Stripped, image: ImageFile.ImageFile, factor: int, rawmode: str | None = None) -> Loaded:
    """The pixels of a picture, not turned yet.

    Args:
        stripped: the file.
        image: as it was opened; its pixels are loaded into it.
        factor: by what a JPEG is reduced while it is decoded.
        rawmode: how bytes become values, in place of the decoder's own choice.

    Raises:
        Exception: if less than `SHARE` of the rows can be decoded.
    """
    _prepare(image, factor, rawmode)
    args = image.tile[0].args if image.tile else None
    try:
        image.load()
        return Loaded(image, image.height, None)
    except Exception as error:
        if image._im is None or image.info.get("interlace"):
            raise  # An interlaced PNG is full of holes.
        image.tile = []
        touched, reason = _touched(image, UNTOUCHED), error
    if isinstance(image, JpegImageFile):
        image = checked(stripped.stream(ended=True))
        _prepare(image, factor, rawmode)
        image.load()
        touched |= _touched(image, FILLED)
    rows = np.flatnonzero(touched)
    if len(rows) < SHARE * image.height:
        raise reason
    result: Image.Image = image
    first, last = int(rows[0]), int(rows[-1])
    if image.format in ("BMP", "PPM") and isinstance(args, tuple) and args[-1] == -1:  # From the last row up.
        result = image.crop((0, first, image.width, image.height))
        return Loaded(result, result.height, 100 * result.height // image.height)
    if image.format == "GIF" and isinstance(args, tuple) and args[1]:  # The rows between come in later passes.
        for row in range(image.height):
            if not touched[row]:
                above = int(rows[max(int(np.searchsorted(rows, row)) - 1, 0)])
                result.paste(result.crop((0, above, image.width, above + 1)), (0, row))
        return Loaded(result, image.height, 100 * len(rows) // image.height)
    return Loaded(result, last + 1, 100 * (last + 1) // image.height)


def _prepare(image: ImageFile.ImageFile, factor: int, rawmode: str | None) -> None:
    """Says how the pixels are to be loaded."""
    if isinstance(image, JpegImageFile) and factor > 1:
        image.draft(None, (image.width // factor, image.height // factor))
    if isinstance(image, TiffImageFile):
        image.im = Image.new(image.mode, image.size).im  # Or Pillow would apply its own limit.
    if rawmode:
        image.tile = [tile._replace(args=_with_rawmode(tile.args, rawmode)) for tile in image.tile]


def _with_rawmode(args: tuple[Any, ...] | str | None, rawmode: str) -> tuple[Any, ...] | str:
    return (rawmode, *args[1:]) if isinstance(args, tuple) else rawmode


def rawmode_of(image: ImageFile.ImageFile) -> str:
    """How the bytes of a file become values, in Pillow's words."""
    args = image.tile[0].args if image.tile else None
    found = args[0] if isinstance(args, tuple) and args else args
    return found if isinstance(found, str) else ""


def _touched(image: ImageFile.ImageFile, untouched: tuple[int, ...]) -> np.ndarray:
    """Into which rows a decoder has written, bool (height,)."""
    clear = image.info.get("transparency")  # What a GIF is filled with.
    blank = [*untouched, clear] if isinstance(clear, int) else untouched
    touched = np.zeros(image.height, bool)
    for part in strips(*image.size):
        values = np.asarray(image.crop((0, part.start, image.width, part.stop))).reshape(part.stop - part.start, -1)
        touched[part] = ~np.isin(values, blank).all(1)
    return touched
