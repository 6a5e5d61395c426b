"""A full disk: what could not be written is named, whatever was being done."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from pipeline.base.errors import PipelineError
from pipeline.base.files import named, write_bytes, written_whole
from pipeline.features.shards import write_shard


def full(*names: str) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *names)


class Full:
    """A file on a full disk."""

    def __init__(self, error: OSError) -> None:
        self.error, self.closed = error, False

    def write(self, data: bytes) -> int:
        raise self.error

    def flush(self) -> None:
        """There is nothing to."""


def of_parquet(aside: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), Full(full()))


def of_numpy(aside: Path) -> None:
    raise OSError("200000 requested and 38384 written")


def of_opening(aside: Path) -> None:
    raise full(str(aside))


def of_copying(aside: Path) -> None:
    raise full("/somewhere/else.png", None, str(aside))  # type: ignore[arg-type]


@pytest.mark.parametrize("work", [of_parquet, of_numpy, of_opening, of_copying])
def test_a_full_disk_names_the_file_that_it_has_no_room_for(work: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "a.out"
    with pytest.raises((OSError, PipelineError)) as stop, written_whole(path) as aside:
        work(aside)
    if isinstance(stop.value, OSError):
        assert (stop.value.errno, stop.value.filename, stop.value.filename2) == (errno.ENOSPC, str(path), None)
    else:
        assert str(stop.value).startswith(f"{path}: cannot be written (")
    assert list(tmp_path.iterdir()) == []


def test_also_where_not_even_the_lock_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def no_room(path: str | Path, *more: int) -> int:
        if str(path).endswith(".tmp"):
            raise full(str(path))
        return opened(path, *more)

    monkeypatch.setattr(os, "open", no_room)
    for write in (lambda path: write_bytes(path, b""), lambda path: write_shard(path, ["a"], np.ones((1, 3, 2)), "f")):
        with pytest.raises(OSError, match="No space left on device") as stop:
            write(tmp_path / "a.h5")
        assert stop.value.filename == str(tmp_path / "a.h5")


def test_what_cannot_be_read_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as stop, named(tmp_path / "a.out"):
        (tmp_path / "gone").read_bytes()
    assert stop.value.filename == str(tmp_path / "gone")
