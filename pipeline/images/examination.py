"""Looks at picture files once each: the record of each, or why it cannot be read."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from pipeline.base.allocator import keep_freed_memory
from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote, write_bytes
from pipeline.base.remote import fetch
from pipeline.base.text import shown
from pipeline.images.decoding import check, decoded
from pipeline.images.depth import Range, Ranges, joined
from pipeline.images.listing import ImageRecord, digest_of, digest_of_file, open_image
from pipeline.images.loading import formats
from pipeline.images.thumbnails import THUMBNAIL_SIDE, thumbnail, thumbnail_path

REJECTED, REJECTED_COLUMNS = "rejected.csv", ("path", "reason")
"""The files that could not be read, and why."""


class Rejected(NamedTuple):
    """A file that is no picture, or none that can be read."""

    path: str
    reason: str


def examine(
    root: Path,
    paths: Sequence[Path],
    split: str,
    thumbnails: Path | None = None,
    known: Mapping[str, str] | None = None,
    ranges: Ranges | None = None,
    seen: Callable[[str, Image.Image], None] | None = None,
) -> list[ImageRecord | Rejected]:
    """Looks at picture files, once each: the record of each, in the order of the paths, or why it cannot be read.

    Deep pictures whose files do not say their range are opened with one range, of all of them; those get their
    thumbnails when it is known.

    Args:
        root: the folder that the paths start at; absolute, or in a store.
        paths: of the files; as text they are the ids.
        split: of all of them.
        thumbnails: a folder to keep a thumbnail of each in, see `thumbnail_path`.
        known: the remarks on pictures of eight bits that were looked at before, by their digests; what has a thumbnail
            too is not decoded again.
        ranges: what deep pictures are opened with, such as a head's; None, or for another kind of them: their own.
        seen: takes the digest and the picture, once each content, of those whose range their files say; in threads.
    """
    keep_freed_memory()  # For a backbone in this process later on, as these threads would be before it.
    known = known or {}
    written: set[str] = set()
    lock = Lock()

    def keep(digest: str, picture: Image.Image) -> bool:
        with lock:
            # Of files with the same content one alone is written, or two threads would write the same thumbnail.
            first = digest not in written
            written.add(digest)
        if first and thumbnails is not None:
            write_bytes(thumbnail_path(thumbnails, digest), thumbnail(picture, THUMBNAIL_SIDE))
        return first

    def look(path: Path) -> tuple[ImageRecord | Rejected, Range | None]:
        file = root / path
        try:
            content, digest = _content(file)
            kept = thumbnail_path(thumbnails, digest) if thumbnails else None
            if kept is not None and digest in known and kept.is_file():
                return ImageRecord(path.as_posix(), split, str(file), None, digest, remark=known[digest]), None
            found = decoded(content)
        except PipelineError:
            raise  # A store that cannot be reached is no fault of the picture.
        except Exception as error:  # Decoders have many words for it.
            return Rejected(path.as_posix(), _reason(file, error)), None
        if found.extent is None and keep(digest, found.picture) and seen is not None:
            seen(digest, found.picture)
        return ImageRecord(path.as_posix(), split, str(file), None, digest, remark=found.remark), found.extent

    def again(record: ImageRecord) -> ImageRecord | Rejected:
        """A deep picture, now that its range is known."""
        if thumbnails is not None:
            try:
                picture = open_image(root, record)
            except PipelineError as error:
                return Rejected(record.id, _reason(root / record.id, error))
            keep(record.digest, picture)
        return record

    # Pillow decodes without holding the interpreter's lock.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="look") as pool:
        looked = list(tqdm(pool.map(look, paths), "looking", len(paths), leave=False, unit=" files", disable=None))
        deep = _opened_alike(looked, ranges)
        result = [record for record, _ in looked]
        for row, record in zip(deep, pool.map(again, deep.values()), strict=True):
            result[row] = record
        return result


def _opened_alike(
    looked: Sequence[tuple[ImageRecord | Rejected, Range | None]], ranges: Ranges | None
) -> dict[int, ImageRecord]:
    """By their rows the deep pictures whose files do not say their range, with the one that they are opened with."""
    found = joined(extent for _, extent in looked if extent is not None).by_kind
    opened = {**found, **(ranges.by_kind if ranges else {})}
    return {
        row: replace(record, range=str(opened[extent.kind]))
        for row, (record, extent) in enumerate(looked)
        if isinstance(record, ImageRecord) and extent is not None
    }


def _content(file: Path) -> tuple[Path | io.BytesIO, str]:
    """What is decoded, and its digest.

    Raises:
        Exception: if it is no picture.
    """
    if is_remote(file):
        data = fetch(file)
        return io.BytesIO(data), digest_of(data)
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        os.scandir(file).close()  # One that cannot be listed says so here.
    if not stat.S_ISREG(mode):
        raise ValueError("not a file")  # Opening a pipe would wait for somebody to write into it.
    check(file)  # A film of gigabytes is no picture, and is not read to its end to learn that.
    return file, digest_of_file(file)


HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
"""What ISO/IEC 23008-12 calls pictures coded as HEVC, and the container that some cameras name instead."""
CUT_OFF = ("image file is truncated", "cannot load this image", "could not create decoder object")
"""Pillow's words for a file that ends too early, before the first pixel or after; the last are those for WebP."""


def _reason(file: Path, error: Exception) -> str:
    """Why a file cannot be read, without its path, which stands beside it."""
    if isinstance(error, UnidentifiedImageError):
        begins = b""
        with suppress(OSError), file.open("rb") as opened:  # It may have gone since.
            begins = opened.read(12)
        if begins[4:8] == b"ftyp" and begins[8:] in HEIC_BRANDS and "HEIF" not in formats():
            return "HEIC, which needs pillow-heif: uv pip install pillow-heif"
        return "not a picture of a known format"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    if str(error).startswith(CUT_OFF):
        return "cut off or damaged: too little of the picture is there"
    return shown(" ".join(str(error).split()))[:300] or type(error).__name__
