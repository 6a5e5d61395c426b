"""The image list: which pictures there are, in which split, and how to open each. It knows no labels."""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import stat
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from pipeline.errors import PipelineError
from pipeline.files import is_remote, write_bytes
from pipeline.paths import prepare_command
from pipeline.remote import fetch, is_url, place
from pipeline.tables import read_rows, write_table

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
    again = prepare_command(folder)
    try:
        records = [
            ImageRecord(
                row["id"],
                sys.intern(row["split"]),  # One text for all: a list of millions is in memory.
                row["path"],
                int(row["index"]) if row["index"] else None,
                row["digest"],
            )
            for row in read_rows(path, COLUMNS, again)
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
    path = place(record.path) if is_url(record.path) else folder / record.path
    try:
        if record.index is not None:
            return Image.fromarray(np.asarray(_array(path)[record.index]))
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


def decode(file: Path | io.BytesIO) -> Image.Image:
    """The picture of a file, as `open_image` gives it; one of the errors `UNREADABLE` where it cannot be read."""
    with Image.open(file, formats=_formats()) as image:
        # Pillow itself refuses twice its limit and warns above the limit; a warning stops nothing.
        pixels, most = image.width * image.height, Image.MAX_IMAGE_PIXELS
        if most is not None and pixels > most:
            raise Image.DecompressionBombError(f"{pixels:,} pixels, expected at most {most:,}")
        image.load()
        upright = ImageOps.exif_transpose(image)
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
    finite = np.isfinite(values)
    if not finite.all():
        # Measurements leave out pixels so; they show as the darkest.
        if not finite.any():
            raise ValueError("no pixel is a finite number")
        values = np.where(finite, values, values[finite].min())
    low, high = (0.0, 65535.0) if image.mode != "F" and values.max() > 255 else (values.min(), values.max())
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return Image.fromarray(np.rint(scaled.clip(0, 255)).astype(np.uint8))


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

    written: set[str] = set()
    lock = Lock()

    def look(path: Path) -> ImageRecord | Rejected:
        file = root / path
        picture = None
        try:
            content: Path | io.BytesIO = file
            if is_remote(file):
                data = fetch(file)
                content = io.BytesIO(data)
            else:
                mode = file.stat().st_mode
                if stat.S_ISDIR(mode):
                    os.scandir(file).close()  # One that cannot be listed says so here.
                if not stat.S_ISREG(mode):
                    # Opening a pipe would wait for somebody to write into it.
                    return Rejected(path.as_posix(), "not a file")
                with Image.open(file, formats=_formats()):
                    pass  # A film of gigabytes is no picture, and is not read to its end to learn that.
                data = file.read_bytes()
            digest = digest_of(data)
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
    return " ".join(str(error).split()) or type(error).__name__
