"""What is known of a picture's file without decoding it: its size in pixels and bytes, format and date."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ExifTags, Image

from pipeline.images.loading import opened
from pipeline.images.stripping import strip

LOSSLESS = ("BMP", "PNG", "PPM", "TIFF")
"""Formats that keep every pixel as it is, as people use them."""
TURNED = range(5, 9)
"""The orientations of EXIF in which rows are columns."""


@dataclass(frozen=True)
class Facts:
    """Of a picture's file: they depend on its bytes alone."""

    width: int
    """Pixels, upright; 0, and the height too, where the file cannot be read as a picture any more."""
    height: int
    size: int
    """Bytes."""
    taken: str
    """When it was taken, as its EXIF says: ``2024-05-31 17:05:59``; empty: it does not say."""
    format: str
    """As Pillow calls it; empty: unknown."""

    @property
    def lossless(self) -> bool:
        """Whether its format keeps pixels as they are."""
        return self.format in LOSSLESS


def facts_of(path: Path) -> Facts:
    """The facts of a file.

    Raises:
        OSError: if it is not there or may not be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            stripped = strip(file)
            image = opened(stripped.stream())
        except Exception:  # Decoders have many words for what is no picture.
            return Facts(0, 0, size, "", "")
        width, height = image.size
        if stripped.orientation in TURNED:
            width, height = height, width
    return Facts(width, height, size, _taken(path), image.format or "")


def changed(path: Path) -> str:
    """When a file was last changed, as `Facts.taken`, in local time.

    Raises:
        OSError: if it is not there or may not be read.
    """
    return f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M:%S}"


def _taken(path: Path) -> str:
    """When a picture was taken, as its EXIF says; empty where it does not, or says nothing that is a date."""
    found = ""
    # Pillow reads EXIF of any kind, and stumbles over some.
    with suppress(Exception), path.open("rb") as file:
        # Not a format's own: that of PNG would decode all pixels to see whether EXIF comes after them.
        exif = Image.Image.getexif(opened(file))
        said = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
        parts = re.fullmatch(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)\0*", said or "", re.ASCII)
        if parts is not None:
            text = "{}-{}-{} {}".format(*parts.groups())
            datetime.fromisoformat(text)  # The 30th of February is no date.
            found = text
    return found
