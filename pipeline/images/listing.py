"""The image list: which pictures there are, in which split, and how to open each. It knows no labels."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.base.csv_tables import read_rows, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote
from pipeline.base.npy import open_array
from pipeline.base.remote import fetch, is_url, place
from pipeline.base.text import quoted
from pipeline.config.paths import prepare_command
from pipeline.images.decoding import decode
from pipeline.images.depth import Ranges, joined, range_of


class LostPictureError(PipelineError):
    """A picture of the list that cannot be read any more."""

    def __init__(self, message: str, image_id: str = "") -> None:
        super().__init__(message)
        self.image_id = image_id


LIST_NAME = "images.csv"
COLUMNS = ("id", "split", "path", "index", "digest", "range", "remark")


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One picture of the list.

    `path` is a picture file or the URL of one, or, with an `index`, an array of pictures (.npy) of which this is a row;
    a relative path starts at the list's folder. `digest` is a BLAKE2b hash of the file's bytes or of the row's.
    """

    id: str
    split: str
    path: str
    index: int | None
    digest: str
    range: str = ""
    """What a deep picture is opened with, see `depth.Range`; empty: it has eight bits, or its file says its range."""
    remark: str = ""
    """For people, of a picture that was decoded in part."""

    @property
    def key(self) -> str:
        """What the picture is by its content, whatever it is called; empty where its digest is not known."""
        return f"{self.digest} {self.range}" if self.digest and self.range else self.digest

    @property
    def source(self) -> str:
        """What its augmented views are drawn from: the digest, or where there is none the id."""
        return self.digest or self.id


DIGEST = 16
"""Bytes of a picture's digest."""


def digest_of(data: bytes) -> str:
    """The digest that an image record carries."""
    return hashlib.blake2b(data, digest_size=DIGEST).hexdigest()


def digest_of_file(path: Path) -> str:
    """The same of a file's bytes."""
    with path.open("rb") as file:  # In parts: what follows a picture may be of any length.
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=DIGEST)).hexdigest()


def write_list(folder: Path, records: Iterable[ImageRecord]) -> None:
    """Writes the image list into a folder, whole or not at all."""
    rows = ((r.id, r.split, r.path, "" if r.index is None else r.index, r.digest, r.range, r.remark) for r in records)
    write_table(folder / LIST_NAME, COLUMNS, rows)


def sample(records: Sequence[ImageRecord], count: int) -> list[ImageRecord]:
    """At most so many of the pictures, in the order of the list; which ones their contents decide."""
    drawn = sorted(records, key=lambda record: digest_of(record.source.encode("utf-8", "surrogateescape")))
    chosen = {record.id for record in drawn[:count]}
    return [record for record in records if record.id in chosen]


def ranges_in(records: Iterable[ImageRecord]) -> Ranges:
    """What the deep pictures of a list are opened with."""
    return joined(bounds for text in {record.range for record in records} if (bounds := range_of(text)))


def read_list(folder: Path) -> list[ImageRecord]:
    """Reads the image list of a folder.

    Raises:
        PipelineError: if there is no list, it is damaged or empty, an id stands in it twice, or an id or a relative
            path leads out of its folder.
    """
    path = folder / LIST_NAME
    again = prepare_command(folder)
    try:
        records = [_record(row) for row in read_rows(path, COLUMNS, again)]
    except ValueError as error:
        raise PipelineError(f"{path}: {error}; run '{again}'") from None
    if not records:
        raise PipelineError(f"{path}: the list is empty; run '{again}'")
    if len({record.id for record in records}) != len(records):
        raise PipelineError(f"{path}: an image id stands in it twice; run '{again}'")
    return records


def _record(row: dict[str, str]) -> ImageRecord:
    """The record of a line.

    Raises:
        ValueError: if it is none. An absolute path is somebody's own picture, and is only ever read as a picture.
    """
    index, digest = row["index"], row["digest"]
    if index and not (index.isascii() and index.isdecimal() and len(index) < 16):
        raise ValueError(f"an index is no whole number ({quoted(index)})")
    if not set(digest) <= set("0123456789abcdef"):
        raise ValueError(f"a digest is none ({quoted(digest)})")
    if "\0" in row["path"] or ".." in Path(row["path"]).parts:
        raise ValueError(f"a path leads out of its folder ({quoted(row['path'])})")
    range_of(row["range"])
    # One text for all: a list of millions is in memory.
    split, opened = sys.intern(row["split"]), sys.intern(row["range"])
    return ImageRecord(row["id"], split, row["path"], int(index) if index else None, digest, opened, row["remark"])


@lru_cache(maxsize=8)
def _mapped(path: Path, *_: int) -> np.ndarray:
    return np.asarray(open_array(path))  # Not NumPy's memmap, whose rows take longer to make than to copy.


def _array(path: Path) -> np.ndarray:
    """The array in a file, mapped once as long as it is the same file: another may come to stand at its path."""
    about = path.stat()
    return _mapped(path, about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)


def open_image(folder: Path, record: ImageRecord) -> Image.Image:
    """The picture of a record, decoded and upright, in mode ``L`` where it is grey and ``RGB`` otherwise.

    Of an animation it is the first frame; what is transparent shows white, or black where white would
    hide it.

    Raises:
        LostPictureError: see `read_picture`.
    """
    picture = read_picture(folder, record)
    return picture if isinstance(picture, Image.Image) else Image.fromarray(picture)


def is_there(folder: Path, record: ImageRecord) -> bool:
    """Whether a picture's file is still where the list has it; nothing is read. Of a store it is taken for granted."""
    return is_url(record.path) or (folder / record.path).is_file()


def read_picture(folder: Path, record: ImageRecord) -> Image.Image | np.ndarray:
    """As `open_image`; a picture in an array stays one, uint8 (height, width) or (height, width, 3).

    Raises:
        LostPictureError: if the file is missing, has other bytes than the record's digest is of, or cannot be decoded.
    """
    path = place(record.path) if is_url(record.path) else folder / record.path
    try:
        if record.index is not None:
            row = np.array(_array(path)[record.index])  # Read here and now, not when somebody looks.
            if row.dtype != np.uint8 or row.shape[2:] not in ((), (3,)) or row.ndim < 2 or 0 in row.shape:
                raise ValueError(f"expected a picture in uint8, grey or with 3 colours, found {row.dtype} {row.shape}")
            _check_digest(record, path, digest_of(row.tobytes()))
            return row
        bounds = range_of(record.range)
        ranges = Ranges({bounds.kind: bounds}) if bounds else None
        if is_remote(path):
            data = fetch(path)
            _check_digest(record, path, digest_of(data))
            return decode(io.BytesIO(data), ranges)
        _check_digest(record, path, digest_of_file(path))
        return decode(path, ranges)
    except FileNotFoundError:
        raise LostPictureError(
            f"{path}: the picture is gone since the list was made; bring it back, or run 'pipeline prepare', or "
            "'pipeline cluster' on a folder of your own, again",
            record.id,
        ) from None
    except PipelineError:
        raise
    except Exception as error:  # Decoders have many words for it.
        message = f"{path}: cannot be read as a picture ({error}); remove it or replace it"
        raise LostPictureError(message, record.id) from None


def _check_digest(record: ImageRecord, path: Path, found: str) -> None:
    """Refuses other bytes than the list was made of: they would be taken for the picture that was there.

    Raises:
        LostPictureError: if they are.
    """
    if record.digest and found != record.digest:
        raise LostPictureError(
            f"{path}: the picture has changed since the list was made; run 'pipeline prepare', or 'pipeline cluster' "
            "on a folder of your own, again",
            record.id,
        )
