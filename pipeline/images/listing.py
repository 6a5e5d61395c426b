"""The image list: which pictures there are, in which split, and how to open each. It knows no labels."""

from __future__ import annotations

import hashlib
import importlib
import io
import math
import os
import stat
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile
from tqdm import tqdm

from pipeline.base.allocator import keep_freed_memory
from pipeline.base.csv_tables import read_rows, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote, write_bytes
from pipeline.base.npy import open_array
from pipeline.base.remote import fetch, is_url, place
from pipeline.base.text import quoted, shown
from pipeline.config.paths import prepare_command

LIST_NAME = "images.csv"
COLUMNS = ("id", "split", "path", "index", "digest")


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


DIGEST = 16
"""Bytes of a picture's digest."""


def digest_of(data: bytes) -> str:
    """The digest that an image record carries."""
    return hashlib.blake2b(data, digest_size=DIGEST).hexdigest()


def write_list(folder: Path, records: Iterable[ImageRecord]) -> None:
    """Writes the image list into a folder, whole or not at all."""
    rows = ((r.id, r.split, r.path, "" if r.index is None else r.index, r.digest) for r in records)
    write_table(folder / LIST_NAME, COLUMNS, rows)


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
    split = sys.intern(row["split"])  # One text for all: a list of millions is in memory.
    return ImageRecord(row["id"], split, row["path"], int(index) if index else None, digest)


@lru_cache(maxsize=8)
def _mapped(path: Path, *_: int) -> np.ndarray:
    return np.asarray(open_array(path))  # Not NumPy's memmap, whose rows take longer to make than to copy.


def _array(path: Path) -> np.ndarray:
    """The array in a file, mapped once as long as it is the same file: another may come to stand at its path."""
    about = path.stat()
    return _mapped(path, about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)


def open_image(folder: Path, record: ImageRecord) -> Image.Image:
    """The picture of a record, decoded and upright, in mode ``L`` where it is grey and ``RGB`` otherwise.

    Of an animation it is the first frame; what is transparent shows white.

    Raises:
        PipelineError: if the file is missing or cannot be decoded.
    """
    picture = read_picture(folder, record)
    return picture if isinstance(picture, Image.Image) else Image.fromarray(picture)


def read_picture(folder: Path, record: ImageRecord) -> Image.Image | np.ndarray:
    """As `open_image`; a picture in an array stays one, uint8 (height, width) or (height, width, 3).

    Raises:
        PipelineError: if the file is missing or cannot be decoded.
    """
    path = place(record.path) if is_url(record.path) else folder / record.path
    try:
        if record.index is not None:
            row = np.array(_array(path)[record.index])  # Read here and now, not when somebody looks.
            if row.dtype != np.uint8 or row.shape[2:] not in ((), (3,)) or row.ndim < 2 or 0 in row.shape:
                raise ValueError(f"expected a picture in uint8, grey or with 3 colours, found {row.dtype} {row.shape}")
            return row
        return decode(io.BytesIO(fetch(path)) if is_remote(path) else path)
    except FileNotFoundError:
        raise PipelineError(
            f"{path}: the picture is gone since the list was made; bring it back, or run 'pipeline prepare', or "
            "'pipeline cluster' on a folder of your own, again"
        ) from None
    except UNREADABLE as error:
        raise PipelineError(f"{path}: cannot be read as a picture ({error}); remove it or replace it") from None


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
def _formats() -> list[str]:
    """The formats that Pillow decodes here; HEIF where the package pillow-heif is installed."""
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


TILE = (TILEWIDTH, TILELENGTH)


def decode(file: Path | io.BytesIO) -> Image.Image:
    """The picture of a file, as `open_image` gives it; one of the errors `UNREADABLE` where it cannot be read."""
    with Image.open(file, formats=_formats()) as image:
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


REJECTED, REJECTED_COLUMNS = "rejected.csv", ("path", "reason")
"""The files that could not be read, and why."""


class Rejected(NamedTuple):
    """A file that is no picture, or none that can be read."""

    path: str
    reason: str


def examine(
    root: Path, paths: Sequence[Path], split: str, thumbnails: Path | None = None
) -> list[ImageRecord | Rejected]:
    """Looks at picture files, once each: the record of each, in the order of the paths, or why it cannot be read.

    Args:
        root: the folder that the paths start at; absolute, or in a store.
        paths: of the files; as text they are the ids.
        split: of all of them.
        thumbnails: a folder to keep a thumbnail of each in, see `thumbnail_path`; what has one is not decoded again.
    """
    keep_freed_memory()  # For a backbone in this process later on, as these threads would be before it.
    written: set[str] = set()
    lock = Lock()

    def look(path: Path) -> ImageRecord | Rejected:
        file = root / path
        picture = None
        try:
            content: Path | io.BytesIO = file
            if is_remote(file):
                data = fetch(file)
                content, digest = io.BytesIO(data), digest_of(data)
            else:
                mode = file.stat().st_mode
                if stat.S_ISDIR(mode):
                    os.scandir(file).close()  # One that cannot be listed says so here.
                if not stat.S_ISREG(mode):
                    # Opening a pipe would wait for somebody to write into it.
                    return Rejected(path.as_posix(), "not a file")
                with Image.open(file, formats=_formats()):
                    pass  # A film of gigabytes is no picture, and is not read to its end to learn that.
                with file.open("rb") as opened:  # In parts: what follows a picture may be of any length.
                    digest = hashlib.file_digest(opened, partial(hashlib.blake2b, digest_size=DIGEST)).hexdigest()
            kept = thumbnail_path(thumbnails, digest) if thumbnails else None
            if kept is None or not kept.is_file():
                picture = decode(content)
        except UNREADABLE as error:
            return Rejected(path.as_posix(), _reason(file, error))
        if kept is not None and picture is not None:
            with lock:
                # Of files with the same content one alone is written, or two threads would write the same thumbnail.
                first = digest not in written
                written.add(digest)
            if first:
                write_bytes(kept, thumbnail(picture, THUMBNAIL_SIDE))
        return ImageRecord(path.as_posix(), split, str(file), None, digest)

    # Pillow decodes without holding the interpreter's lock.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="look") as pool:
        return list(tqdm(pool.map(look, paths), "looking", len(paths), leave=False, unit=" files", disable=None))


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


HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
"""What ISO/IEC 23008-12 calls pictures coded as HEVC, and the container that some cameras name instead."""


def _reason(file: Path, error: Exception) -> str:
    """Why a file cannot be read, without its path, which stands beside it."""
    if isinstance(error, UnidentifiedImageError):
        with file.open("rb") as opened:
            begins = opened.read(12)
        if begins[4:8] == b"ftyp" and begins[8:] in HEIC_BRANDS and "HEIF" not in _formats():
            return "HEIC, which needs pillow-heif: uv pip install pillow-heif"
        return "not a picture of a known format"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return shown(" ".join(str(error).split()))[:300] or type(error).__name__
