"""The image list: which pictures there are, in which split, and how to open each. It knows no labels."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import PipelineError
from pipeline.tables import read_table, write_table

LIST_NAME = "images.csv"
COLUMNS = ("id", "split", "path", "index", "digest")


@dataclass(frozen=True)
class ImageRecord:
    """One picture of the list.

    `path` is a picture file, or, with an `index`, an array of pictures (.npy) of which this is a row; a relative path
    starts at the list's folder. `digest` is a BLAKE2b hash of the file's bytes or of the row's.
    """

    id: str
    split: str
    path: str
    index: int | None
    digest: str


def digest_of(data: bytes) -> str:
    """The digest that an image record carries."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def write_list(folder: Path, records: Iterable[ImageRecord]) -> None:
    """Writes the image list into a folder, whole or not at all."""
    rows = ((r.id, r.split, r.path, "" if r.index is None else r.index, r.digest) for r in records)
    write_table(folder / LIST_NAME, COLUMNS, rows)


def read_list(folder: Path) -> list[ImageRecord]:
    """Reads the image list of a folder.

    Raises:
        PipelineError: if there is no list, it is damaged or empty, or an id stands in it twice.
    """
    path = folder / LIST_NAME
    again = f"pipeline prepare --dataset {folder.name}"
    rows = read_table(path, COLUMNS, again)
    try:
        records = [
            ImageRecord(
                row["id"], row["split"], row["path"], int(row["index"]) if row["index"] else None, row["digest"]
            )
            for row in rows
        ]
    except ValueError as error:
        raise PipelineError(f"{path}: an index is no whole number ({error}); run '{again}'") from None
    if not records:
        raise PipelineError(f"{path}: the list is empty; run '{again}'")
    if len({record.id for record in records}) != len(records):
        raise PipelineError(f"{path}: an image id stands in it twice; run '{again}'")
    return records


@lru_cache(maxsize=8)
def _array(path: Path) -> np.ndarray:
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def open_image(folder: Path, record: ImageRecord) -> Image.Image:
    """The picture of a record, decoded and upright, in mode ``L`` where it is grey and ``RGB`` otherwise.

    Of an animation it is the first frame; what is transparent shows white.

    Raises:
        PipelineError: if the file is missing or cannot be decoded.
    """
    path = folder / record.path
    try:
        if record.index is not None:
            return Image.fromarray(np.asarray(_array(path)[record.index]))
        return decode(path)
    except FileNotFoundError:
        raise PipelineError(f"{path}: the picture is gone since the list was made; run 'pipeline prepare'") from None
    except UNREADABLE as error:
        raise PipelineError(f"{path}: cannot be read as a picture ({error}); remove it or replace it") from None


UNREADABLE = (OSError, ValueError, IndexError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for a file that is no picture, is damaged, or is too large to decode safely."""


def decode(path: Path) -> Image.Image:
    """The picture of a file, as `open_image` gives it; one of the errors `UNREADABLE` where it cannot be read."""
    with warnings.catch_warnings():
        # Twice Pillow's limit is an error of its own; above the limit it only warns.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            with Image.open(path) as image:
                image.load()
                upright = ImageOps.exif_transpose(image)
        except Image.DecompressionBombWarning as error:
            raise Image.DecompressionBombError(str(error)) from None
    if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
        return _to_eight_bits(upright)
    if upright.has_transparency_data:
        opaque = Image.new("RGBA", upright.size, "white")
        opaque.alpha_composite(upright.convert("RGBA"))
        return opaque.convert("RGB")
    return upright.convert("L" if upright.mode in ("1", "L") else "RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """A deep grey picture in mode ``L``: 16 bits are scaled, other ranges stretched; Pillow would cut them at 255."""
    values = np.asarray(image, dtype=np.float64)
    low, high = (0.0, 65535.0) if image.mode != "F" and values.max() > 255 else (values.min(), values.max())
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8))
