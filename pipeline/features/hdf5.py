"""HDF5 files that others made, read in a process of their own.

HDF5 trusts what it reads: a few changed bytes can make it crash or run in circles for ever (docs/fuzzing.md). So a
child process opens the file, and what it finds comes back as plain numbers and texts; if it dies or comes to no end,
that is one more reason why the file cannot be read. The child waits for the next file. It is no sandbox.

Of a file that is in memory already the child sees a copy, and of numbers that lie there in one piece it says only where
they are: to send them to and fro through pipes took five times as long as to read them and to find their hash.
"""

from __future__ import annotations

import atexit
import json
import math
import mmap
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import h5py
import numpy as np

PATIENCE, PACE = 10.0, 1e6
"""A file has so many seconds of the processor, and one more for each so many bytes: much more than any needs."""
WAIT = 120.0
"""So many seconds more may pass, as on a busy machine, a slow disk, or while the child imports its libraries."""
EXPANDS = 100
"""How many times its bytes in the file a content may be: embeddings hardly compress, a decompression bomb does."""


@dataclass(frozen=True)
class Content:
    """What was found in a file."""

    values: np.ndarray | None
    """Numbers of any shape; None: there are none."""
    ids: list[str] | None
    keys: list[str] | None
    """Further texts, one a row."""
    attributes: dict[str, Any]
    """Of the file: those that are texts or whole numbers."""
    name: str | None
    """Of the numbers."""


def read(source: Path | memoryview, values: Sequence[str], ids: Sequence[str], keys: Sequence[str] = ()) -> Content:
    """Reads the numbers and the ids of an HDF5 file.

    Args:
        source: the file, or its bytes; the numbers may then be a part of these, and no copy.
        values: names that the dataset of the numbers may have; any other where one alone has two or three dimensions.
        ids: names that the dataset of the ids may have.
        keys: the same of the keys.

    Raises:
        ValueError: if the file cannot be read, leads out of itself, or HDF5 crashes on it or comes to no end.
    """
    data = source if isinstance(source, memoryview) else None
    size = source.stat().st_size if isinstance(source, Path) else source.nbytes
    patience = PATIENCE + size / PACE
    place = os.path.abspath(source) if isinstance(source, Path) else None
    wanted = {"path": place, "bytes": size, "values": values, "ids": ids, "keys": keys, "seconds": patience}
    request = json.dumps(wanted).encode() + b"\n"
    with _LOCK:
        try:
            child = _child()
            if data is not None:
                child.show(data)
            return _answer(child.process, request, data, time.monotonic() + patience + WAIT)
        except (BrokenPipeError, EOFError, TimeoutError) as error:
            endless = isinstance(error, TimeoutError) or _running[0].process.wait() == -ENDLESS
            _end()
            raise ValueError("HDF5 comes to no end on it" if endless else "HDF5 crashes on it") from None
        except ValueError:
            raise
        except BaseException:  # Stopped in the middle of an answer, whose rest must not be the next one.
            _end()
            raise


def chosen(names: Sequence[str], there: Collection[str], candidates: Sequence[str]) -> str | None:
    """The first of the names that is there, or else the only candidate."""
    known = [name for name in names if name in there]
    if known:
        return known[0]
    return candidates[0] if len(candidates) == 1 else None


def text(value: Any) -> str:
    """An id as text; bytes that are no UTF-8 are kept as a path keeps them."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


# The parent's side.

READY = b"ready"
ENDLESS = getattr(signal, "SIGPROF", 0)
"""What ends a child that has used up its seconds; where there is no such signal, the parent waits for longer."""
_LOCK = Lock()


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    shared: int
    """A file without a name, in memory where the system has such, that both have open."""

    def show(self, data: memoryview) -> None:
        """Leaves a file's bytes where the child finds them."""
        os.ftruncate(self.shared, data.nbytes)  # Not to nothing first: its memory is used again.
        rest = data.cast("B")
        while rest:
            rest = rest[os.pwrite(self.shared, rest, data.nbytes - len(rest)) :]


_running: list[_Child] = []
"""The child, or nothing."""


def _child() -> _Child:
    if not _running:
        shared = _nameless()
        # A process group of its own: Ctrl-C is the parent's to heed. -P: the modules beside this file are no libraries.
        command = [sys.executable, "-P", __file__, str(shared)]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=nowhere, bufsize=0, process_group=0, pass_fds=(shared,)
        )
        _running.append(_Child(process, shared))
        _taken(process.stdout, len(READY), time.monotonic() + WAIT)
    return _running[0]


def _nameless() -> int:
    """A new file, open, that is gone with its last user."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("hdf5")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@atexit.register
def _end() -> None:
    """Ends the child; the next file gets a new one."""
    while _running:
        child = _running.pop()
        child.process.kill()
        child.process.wait()
        os.close(child.shared)
        for stream in (child.process.stdin, child.process.stdout):
            if stream is not None:
                stream.close()


def _answer(child: subprocess.Popen[bytes], request: bytes, data: memoryview | None, until: float) -> Content:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(request)
    about = json.loads(_taken(child.stdout, int.from_bytes(_taken(child.stdout, 8, until), "little"), until))
    if "error" in about:
        raise ValueError(about["error"])
    if about["dtype"] is None:
        return Content(None, about["ids"], about["keys"], about["attributes"], None)
    kind, shape, place = np.dtype(about["dtype"]), tuple(about["shape"]), about["place"]
    count = math.prod(shape)
    if data is None or place is None:
        values = np.frombuffer(_taken(child.stdout, kind.itemsize * count, until), kind)
    else:
        values = np.frombuffer(data, kind, count, place)
    return Content(values.reshape(shape), about["ids"], about["keys"], about["attributes"], about["name"])


def _taken(stream: Any, size: int, until: float) -> bytearray:
    """So many bytes of a stream."""
    data = bytearray(size)
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while rest:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            count = stream.readinto(rest[: 1 << 24])
            if not count:
                raise EOFError
            rest = rest[count:]
    return data


# The child's side.

AS_IT_IS = 2 | 4
"""HDF5 shall neither copy a file in memory nor free it: H5LT_FILE_IMAGE_DONT_COPY and _DONT_RELEASE."""


def _serve() -> None:
    """Answers one request after the other until there are no more."""
    source, target, shared = sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1])
    target.write(READY)
    target.flush()
    while line := source.readline():
        values = None
        try:
            wanted = json.loads(line)
            if ENDLESS:
                signal.setitimer(signal.ITIMER_PROF, wanted["seconds"])
            with ExitStack() as stack:
                image = None
                if wanted["path"] is None:
                    # The bytes of a shard are those whose hash was found right; they are not read twice.
                    image = stack.enter_context(mmap.mmap(shared, wanted["bytes"], access=mmap.ACCESS_READ))
                opened = wanted["path"] if image is None else h5py.h5f.open_file_image(image, AS_IT_IS)
                file = stack.enter_context(h5py.File(opened, "r"))
                about, values = _found(file, wanted["values"], wanted["ids"], wanted["keys"], image is not None)
        except Exception as error:  # HDF5's errors are of many types.
            about = {"error": " ".join(str(error).split()) or type(error).__name__}
        head = json.dumps(about).encode()
        target.write(len(head).to_bytes(8, "little") + head)
        if values is not None:
            target.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
        target.flush()


def _found(
    file: h5py.File, values: Sequence[str], ids: Sequence[str], keys: Sequence[str], is_shared: bool
) -> tuple[dict[str, Any], np.ndarray | None]:
    datasets = {name: file[name] for name in file if _is_own_dataset(file, name)}
    name = chosen(values, datasets, [name for name, value in datasets.items() if value.ndim in (2, 3)])
    if name is not None:
        _check_size(name, datasets[name])
    if name is not None and datasets[name].dtype.kind not in "fiu":
        raise ValueError(f"'{name}': expected numbers, found {datasets[name].dtype} {datasets[name].shape}")
    place = _place(datasets[name]) if name is not None and is_shared else None
    array = None if name is None or place is not None else np.asarray(datasets[name][()])
    about = {
        "name": name,
        "dtype": None if name is None else datasets[name].dtype.str,
        "shape": None if name is None else datasets[name].shape,
        "place": place,
        "ids": _texts(datasets, ids),
        "keys": _texts(datasets, keys),
        "attributes": {key: value for key, value in _attributes(file) if isinstance(value, (str, int))},
    }
    return about, array


def _texts(datasets: dict[str, Any], names: Sequence[str]) -> list[str] | None:
    """The texts of the first of the names that is there."""
    name = chosen(names, datasets, [])
    if name is None:
        return None
    _check_size(name, datasets[name])
    if datasets[name].ndim != 1:
        raise ValueError(f"'{name}': expected an id a row, found the shape {datasets[name].shape}")
    return [text(value) for value in datasets[name][()].tolist()]


def _is_own_dataset(file: h5py.File, name: str) -> bool:
    """Whether a name stands for a dataset in this very file: a link may lead to any file of the disk, a mapping too."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return False
    value = file[name]
    held = isinstance(value, h5py.Dataset) and value.shape is not None
    return held and value.external is None and not value.is_virtual


def _place(value: h5py.Dataset) -> int | None:
    """Where in the file the numbers begin, if they lie there in one piece and as NumPy has them in memory."""
    offset: int | None = value.id.get_offset()
    return offset if value.id.get_type() == h5py.h5t.py_create(value.dtype) else None


def _check_size(name: str, value: h5py.Dataset) -> None:
    """Refuses what would need much more memory than there are bytes; a shape costs its writer nothing."""
    stored = value.id.get_storage_size()
    if value.nbytes > EXPANDS * stored:
        raise ValueError(f"'{name}': says that it holds {value.nbytes:,} bytes, of which {stored:,} are in the file")


def _attributes(file: h5py.File) -> Sequence[tuple[str, Any]]:
    return [(key, value.item() if isinstance(value, np.generic) else value) for key, value in file.attrs.items()]


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        _serve()
