"""Files that appear whole or not at all, and the digests that tell them apart."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from pipeline.base.errors import PipelineError
from pipeline.base.locks import locked

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a disk says that has no room, and never when it is read."""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """What a full disk says in the block is of this file: it has no name by itself, or that of another one.

    Raises:
        PipelineError: if an error of the disk has no number, as NumPy's have.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise PipelineError(f"{path}: cannot be written ({error}); check the space on its disk") from None
        if error.errno in FULL or error.filename is None:
            error.filename, error.filename2 = str(path), None
        raise


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a path beside the target to write to; when the block ends well, that file takes the target's place.

    The file is flushed to the disk before it is renamed, so after a crash the target is the old file or the new one,
    never a part. A file left aside by a killed run is overwritten by the next. Of two processes that write the same
    target one waits for the other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".tmp")
    with named(path), locked(aside):
        try:
            yield aside
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            with suppress(OSError):  # A full disk may refuse even to remove what is on it.
                aside.unlink(missing_ok=True)
            raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def folder_replaced(folder: Path) -> Iterator[Path]:
    """Gives a folder beside the target to fill; when the block ends well, it takes the target's place.

    So a run that is killed or fails leaves the results that were there, and never some of both. What a killed run left
    aside is removed by the next.
    """
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def remove_others(folder: Path, names: Collection[str]) -> None:
    """Removes the folders below this one that have other names; hidden ones and files stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in names and not path.name.startswith("."):
            shutil.rmtree(path, ignore_errors=True)


def is_remote(path: Path) -> bool:
    """Whether a path lies in a store, see `pipeline.base.remote`, and is none of this machine's file systems."""
    return not isinstance(path, os.PathLike)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes bytes, whole or not at all.

    What an object store takes is there whole or not at all by itself, so nothing is put aside and renamed.
    """
    if is_remote(path):
        store = cast(Any, path)
        store.fs.pipe_file(store.path, data)
        return
    with written_whole(path) as aside:
        aside.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def json_text(value: Any) -> str:
    """JSON that people can read; the same value gives the same text."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Writes JSON that people can read, whole or not at all."""
    write_text(path, json_text(value))


def read_json(path: Path, again: str) -> dict[str, Any]:
    """Reads a JSON object with at least one entry.

    Raises:
        PipelineError: if the file is missing or holds something else; `again` is what makes it.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path}: not there yet; run '{again}'") from None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{path}: not JSON ({error}); run '{again}'") from None
    if not isinstance(value, dict) or not value:
        raise PipelineError(f"{path}: expected a JSON object with entries, found {str(value)[:40]}; run '{again}'")
    return value


def sha256_of_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:
    """The hexadecimal SHA-256 of a value's canonical JSON: keys sorted, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
