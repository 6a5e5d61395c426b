"""Places that a URL names, such as ``s3://bucket/prefix``: whatever fsspec has a driver for, as a path.

Such a path is universal-pathlib's. It walks and reads as a `Path` does, so whoever works on a folder works on a store,
but it is no file of this machine: `files.is_remote` tells the two apart, and `files.write_bytes` puts it whole.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote

if TYPE_CHECKING:
    from upath import UPath

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
HERE = ("file", "local")
"""Schemes of this machine's own files."""
MEMORY = "memory"
"""The scheme of a store that is in the memory of one process, and in no other's."""
DRIVERS = frozenset(("adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "s3fs"))
"""The packages whose errors are about a store."""


def is_url(name: str) -> bool:
    """Whether a name begins with a scheme, as no path of a file does that anybody has."""
    return URL.match(name) is not None


def place(name: str) -> Path:
    """The path that a name means, on this machine or in a store; nothing is asked of the store.

    Raises:
        PipelineError: if there is no such scheme, or its driver is not installed.
    """
    scheme = URL.match(name)
    if scheme is None:
        return Path(name)
    from upath import UPath

    try:
        # Another machine may write there too, so no listing is kept.
        path = UPath(name, use_listings_cache=False)
        _ = path.fs
    except ImportError as error:
        raise PipelineError(
            f"{name}: {error}; the drivers of s3:// and gs:// are in the extra remote: uv pip install '.[remote]'"
        ) from None
    except ValueError as error:
        raise PipelineError(f"{name}: {error}; expected a path, or a URL such as s3://bucket/prefix") from None
    if scheme[1].lower() in HERE:
        return Path(path.path)
    # gcsfs logs the traceback of what it raises as well.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    # It is no subclass of Path, and has all of it that is used on what may be a store's.
    return cast(Path, path)


def reached(name: str) -> Path:
    """The path that a name means, as `place`; the store has answered, and the bucket is there.

    Raises:
        PipelineError: if not; of this machine's paths nothing is asked.
    """
    path = place(name)
    if not is_remote(path) or in_memory(path):
        return path
    store, key = _store(path)
    bucket = key.split("/")[0]
    with told(name):
        try:
            store.info(key)
        except FileNotFoundError:
            # Nothing may lie there yet, if there is a bucket; who may not look at all of it may still use a part.
            try:
                store.ls(bucket) if key == bucket else store.info(bucket)
            except FileNotFoundError:
                raise PipelineError(f"{name}: there is no bucket '{bucket}'; make it, or check the name") from None
            except PermissionError:
                pass
    return path


def in_memory(path: Path) -> bool:
    """Whether a path's store is in the memory of this process."""
    return is_remote(path) and cast("UPath", path).protocol == MEMORY


def fetch(path: Path) -> bytes:
    """The bytes of a file in a store, with one request where `read_bytes` takes two."""
    store, key = _store(path)
    data: bytes = store.cat_file(key)
    return data


def names_below(folder: Path, marks: tuple[str, ...]) -> Iterator[PurePosixPath]:
    """All files below a folder of a store, relative to it, but hidden ones and those in a folder that a mark marks."""
    store, key = _store(folder)
    found = [PurePosixPath(name).relative_to(PurePosixPath(key)) for name in store.find(key)]
    marked = {name.parent for name in found if name.name in marks}
    for name in found:
        if not any(part.startswith(".") for part in name.parts) and not marked.intersection(name.parents):
            yield name


@contextmanager
def told(where: str = "") -> Iterator[None]:
    """Makes one line of what a driver raises when a store cannot be reached, or says no.

    Raises:
        PipelineError: with what the driver said; an error of anything else passes as it is.
    """
    try:
        yield
    except Exception as error:
        if not _drivers(error):
            raise
        said = " ".join(str(error).split()) or type(error).__name__
        place = f"{where}: " if where else ""
        raise PipelineError(f"{place}{said}; check the name, the credentials and the network") from None


def _drivers(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is a driver's."""
    while error is not None:
        if type(error).__module__.partition(".")[0] in DRIVERS:
            return True
        error = error.__cause__
    return False


def _store(path: Path) -> tuple[Any, str]:
    """A path's file system and its name there."""
    inside = cast("UPath", path)
    return inside.fs, inside.path
