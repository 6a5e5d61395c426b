"""Decodes picture files: what becomes of a picture that is deep, turned, transparent, very large or damaged."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from PIL import Image, ImageFile
from PIL.Image import Transpose

from pipeline.images import depth, limits
from pipeline.images.background import in_front
from pipeline.images.depth import COLOUR, Deep, Range, Ranges
from pipeline.images.loading import Loaded, checked, load, rawmode_of
from pipeline.images.parts import in_parts
from pipeline.images.stripping import Stripped, strip
from pipeline.images.tags import orientation_of

TURNED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What brings a picture upright, by its orientation in EXIF."""
BOTH = "RGBA"
"""Read so, 16 bits of grey and 16 of transparency are four bytes that Pillow keeps."""


class Decoded(NamedTuple):
    """A picture, and what is to be said of it."""

    picture: Image.Image
    """Upright, in mode ``L`` where it is grey and ``RGB`` otherwise."""
    remark: str
    """For people; empty: it was decoded whole."""
    extent: Range | None
    """The least and the most value of a deep picture whose file does not say its range."""


def decode(file: Path | io.BytesIO, ranges: Ranges | None = None) -> Image.Image:
    """The picture of a file, as `listing.open_image` gives it; see `decoded`."""
    return decoded(file, ranges).picture


def decoded(file: Path | io.BytesIO, ranges: Ranges | None = None) -> Decoded:
    """Decodes a file.

    Args:
        file: its path, or its bytes.
        ranges: what a deep picture is opened with whose file does not say its range; None: with its own.

    Raises:
        Exception: if it is no picture or too large, or too little of it can be decoded. Decoders have many words for
            it.
    """
    with _stream(file) as stream:
        stripped = strip(stream)
        image = checked(stripped.stream())
        factor = limits.factor_for(image.size)
        kind = depth.kind_of(image)
        # A JPEG is reduced as it is decoded, and takes the memory of a reduced one unless it comes in several passes.
        is_light = image.format == "JPEG" and "progressive" not in image.info
        pixels = image.width * image.height // (factor**2 if is_light else 1)
        weight = 2 if kind == COLOUR else limits.WEIGHTS.get(image.format or "", 1)
        with limits.BUDGET.taken(int(pixels * weight)):
            found = _deep(stripped, image, kind, factor, ranges) if kind else _shallow(stripped, image, factor)
        orientation = stripped.orientation
        if orientation is None:
            exif = image.info.get("exif")
            orientation = orientation_of(exif) if isinstance(exif, bytes) else 1
        turned = TURNED.get(orientation)
        return found if turned is None else found._replace(picture=found.picture.transpose(turned))


def check(file: Path) -> None:
    """Refuses a file that is no picture or too large a one; no pixel is decoded.

    Raises:
        Exception: see `decoded`.
    """
    with file.open("rb") as stream:
        checked(strip(stream).stream())


@contextmanager
def _stream(file: Path | io.BytesIO) -> Iterator[IO[bytes]]:
    if isinstance(file, io.BytesIO):
        yield file
    else:
        with file.open("rb") as stream:
            yield stream


def _shallow(stripped: Stripped, image: ImageFile.ImageFile, factor: int) -> Decoded:
    """A picture of eight bits a colour."""
    loaded = load(stripped, image, factor)
    whole, rows = loaded.image, loaded.rows
    left = 1 if image.format == "JPEG" else factor  # A JPEG is reduced already.
    if whole.has_transparency_data:
        return Decoded(in_front(whole, rows, left), _remark(loaded), None)
    mode = "L" if whole.mode in ("1", "L") else "RGB"
    if left == 1 and rows == whole.height:
        return Decoded(whole.convert(mode), _remark(loaded), None)

    def part(strip: slice) -> Image.Image:
        return whole.crop((0, strip.start, whole.width, strip.stop)).convert(mode)

    return Decoded(in_parts(part, (whole.width, rows), mode, left), _remark(loaded), None)


def _deep(stripped: Stripped, image: ImageFile.ImageFile, kind: str, factor: int, ranges: Ranges | None) -> Decoded:
    """A picture of more bits."""
    low = None
    args = image.tile[0].args if image.format == "PPM" else None
    is_spread = isinstance(args, tuple) and args[-1] in range(256, 65535)
    base, _, order = rawmode_of(image).partition(";")
    if kind != COLOUR or base == "LA":
        loaded = load(stripped, image, factor, BOTH if kind == COLOUR else None)
    else:
        other = checked(stripped.stream())
        loaded = load(stripped, image, factor)
        low = load(stripped, other, factor, f"{base};{depth.LOW_BYTE[order]}").image
    deep = Deep(kind, (loaded.image.width, loaded.rows), loaded.image, low)
    extent = deep.extent()
    # Pillow spreads what a PPM says that its values have.
    bounds = Range(kind, 0, 65535) if is_spread else depth.said(kind, stripped.said, extent)
    is_said = bounds is not None
    if bounds is None:
        bounds = (ranges.by_kind.get(kind) if ranges else None) or depth.joined([extent]).by_kind[kind]
    opacity = deep.opacity()
    picture = deep.eight_bits(bounds, factor if opacity is None else 1)
    if opacity is not None:
        picture.putalpha(opacity.crop((0, 0, *picture.size)))
        picture = in_front(picture, picture.height, factor)
    return Decoded(picture, _remark(loaded), None if is_said else extent)


def _remark(loaded: Loaded) -> str:
    """What people are to know of a picture that was decoded in part."""
    if loaded.share is None:
        return ""
    if loaded.share == 100:
        return "the last bytes are missing; all rows are there"
    return f"cut off or damaged; {loaded.share} % of the rows are there"
