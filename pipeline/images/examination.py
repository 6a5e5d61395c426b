"""Looks at picture files once each: the record of each, or why it cannot be read."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from pipeline.base.allocator import keep_freed_memory
from pipeline.base.files import is_remote, write_bytes
from pipeline.base.remote import fetch
from pipeline.base.text import shown
from pipeline.images.decoding import UNREADABLE, decode, formats
from pipeline.images.listing import ImageRecord, digest_of, digest_of_file
from pipeline.images.thumbnails import THUMBNAIL_SIDE, thumbnail, thumbnail_path

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
                with Image.open(file, formats=formats()):
                    pass  # A film of gigabytes is no picture, and is not read to its end to learn that.
                digest = digest_of_file(file)
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


HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
"""What ISO/IEC 23008-12 calls pictures coded as HEVC, and the container that some cameras name instead."""


def _reason(file: Path, error: Exception) -> str:
    """Why a file cannot be read, without its path, which stands beside it."""
    if isinstance(error, UnidentifiedImageError):
        with file.open("rb") as opened:
            begins = opened.read(12)
        if begins[4:8] == b"ftyp" and begins[8:] in HEIC_BRANDS and "HEIF" not in formats():
            return "HEIC, which needs pillow-heif: uv pip install pillow-heif"
        return "not a picture of a known format"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return shown(" ".join(str(error).split()))[:300] or type(error).__name__
