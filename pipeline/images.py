"""The image list: which pictures there are, in which split, and how to open each. It knows no labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

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
    """The picture of a record, decoded, in mode ``L`` where the file is grey and ``RGB`` otherwise.

    Raises:
        PipelineError: if the file is missing or cannot be decoded.
    """
    path = folder / record.path
    try:
        if record.index is not None:
            return Image.fromarray(np.asarray(_array(path)[record.index]))
        with Image.open(path) as image:
            return image.convert("L" if image.mode in ("1", "L") else "RGB")
    except FileNotFoundError:
        raise PipelineError(f"{path}: the picture is gone since the list was made; run 'pipeline prepare'") from None
    except (OSError, ValueError, IndexError, SyntaxError) as error:
        raise PipelineError(f"{path}: cannot be read as a picture ({error}); remove it or replace it") from None
