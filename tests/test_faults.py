"""Faults injected into an extraction: whatever happens, the next run ends with the bytes of an undisturbed one.

A backbone of milliseconds stands in for the real one; all else is the extraction as it is. Each fault strikes a folder
in one of several states, and after it three things must hold:

- what a reader of the cache gets is right or is a `PipelineError`, never a wrong embedding;
- running again gives the undisturbed bytes, to the last file;
- no embedding that stood in a whole shard before that run is computed again.

By default there are just so many faults that a kill and a disk error strike at every boundary of a run. How many of
each kind there were stands at the end of pytest's output. For thousands:

    FAULTS=3000 uv run pytest tests/test_faults.py
"""

from __future__ import annotations

import errno
import fcntl
import gc
import hashlib
import json
import os
import random
import shutil
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.backbones import loaders
from pipeline.base.errors import PipelineError
from pipeline.base.locks import alone
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import engines, extract
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import MANIFEST_NAME, read_manifest, read_split
from pipeline.features.shards import Shard, read_shard
from pipeline.features.unlisted import read_unlisted
from pipeline.images.listing import ImageRecord, write_list
from tests.conftest import SMALL, SUMMARY

DIM, VIEWS, ROWS = 6, 2, 8
TINY = replace(SMALL, dim=DIM)
RECORDS = [ImageRecord(f"{number}", "train" if number < 20 else "test", "", None, f"{number}") for number in range(28)]


MOVED = [replace(record, id=f"new/{record.id}") for record in RECORDS[9:20] + RECORDS[:7] + RECORDS[20:]]


class Module:
    """Stands in for a backbone."""

    def to(self, _: str) -> Module:
        return self


def fake_read_ahead(_: Path, records: list[ImageRecord], *__: Any, **___: Any) -> Iterator[ImageRecord]:
    yield from records


def fake_embed_each(
    streams: Streams, reader: Iterator[ImageRecord], parts: Sequence[int], *_: Any
) -> Generator[np.ndarray, None, None]:
    """Embeddings that depend on the picture and the seed, so that no two shards and no two runs are alike."""
    for rows in parts:
        result = np.empty((rows, 1 + VIEWS, DIM), np.float16)
        for row in range(rows):
            digest = hashlib.sha256(f"{next(reader).digest} {streams.settings.seed}".encode()).digest()
            result[row] = np.frombuffer(digest[: (1 + VIEWS) * DIM], np.uint8).reshape(1 + VIEWS, DIM)
        yield result


@dataclass(frozen=True)
class Stage:
    """Where the faults happen."""

    images: Path
    folder: Path
    settings: ExtractSettings
    undisturbed: dict[str, bytes]
    other: dict[str, bytes]
    """The same pictures with another seed."""
    moved: dict[str, bytes]
    """The same pictures, most of them, by other names and in another order."""

    def run(self, seed: int = 0) -> Timings:
        """As the command does it."""
        with alone(self.folder):
            return extract.extract("pets", TINY, self.images, self.folder, replace(self.settings, seed=seed), "cpu")

    def fill(self, files: dict[str, bytes]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, data in files.items():
            (self.folder / name).write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def stage(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(extract, "find_weights", lambda _: (Path(), "0" * 64))
    monkeypatch.setattr(loaders, "load", lambda *_: Module())
    monkeypatch.setattr("pipeline.extraction.streams.read_ahead", fake_read_ahead)
    monkeypatch.setattr(engines, "embed_each", fake_embed_each)
    monkeypatch.setattr(engines, "shown_progress", lambda *_: nullcontext(lambda: None))
    monkeypatch.setattr(os, "fsync", lambda _: None)  # No fault here takes the power away, and it is most of the time.
    small = replace(settings.extract, views=VIEWS, shard_rows=ROWS)
    stage = Stage(tmp_path / "images", tmp_path / "features", small, {}, {}, {})
    for records, seed, files in ((MOVED, 0, stage.moved), (RECORDS, 1, stage.other), (RECORDS, 0, stage.undisturbed)):
        write_list(tmp_path / "images", records)
        stage.fill({})
        stage.run(seed)
        files.update(contents(stage.folder))
    assert len(stage.undisturbed) == 5
    return stage


# The operations of a run on the disk, each a boundary that a kill or an error can fall on.


@dataclass(frozen=True)
class Boundary:
    """A moment of a run."""

    operation: str
    moment: str
    """before, half (of a write) or after."""
    file: str

    @property
    def label(self) -> str:
        what = "the manifest" if self.file.startswith(MANIFEST_NAME) else "a shard"
        return f"{self.operation} of {what}"


Strike = Callable[[Boundary], None]


@contextmanager
def watched(strike: Strike) -> Iterator[None]:
    """Calls `strike` before, half way through (a write) and after each operation on the disk."""
    write_bytes, fsync, replace_file, unlink = Path.write_bytes, os.fsync, os.replace, Path.unlink
    written = ""

    def write(path: Path, data: bytes) -> int:
        nonlocal written
        written = path.name
        strike(Boundary("write", "before", path.name))
        write_bytes(path, data[: len(data) // 2])
        strike(Boundary("write", "half", path.name))
        count = write_bytes(path, data)
        strike(Boundary("write", "after", path.name))
        return count

    def around(operation: str, file: str, work: Callable[[], None]) -> None:
        strike(Boundary(operation, "before", file))
        work()
        strike(Boundary(operation, "after", file))

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".lock":  # The kernel gives the lock back, whatever becomes of its file.
            unlink(path, missing_ok)
        else:
            around("unlink", path.name, lambda: unlink(path, missing_ok))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        patch.setattr(os, "fsync", lambda descriptor: around("fsync", written, lambda: fsync(descriptor)))
        patch.setattr(os, "replace", lambda a, b: around("rename", Path(b).name, lambda: replace_file(a, b)))
        patch.setattr(Path, "unlink", remove)
        yield


def boundaries(stage: Stage, files: dict[str, bytes]) -> list[Boundary]:
    """Those of a run from these files."""
    found: list[Boundary] = []
    stage.fill(files)
    with watched(found.append):
        stage.run()
    return found


def at(number: int, strike: Callable[[], None]) -> Strike:
    """Strikes at one boundary and lets the others pass."""
    count = 0

    def each(_: Boundary) -> None:
        nonlocal count
        count += 1
        if count - 1 == number:
            strike()

    return each


def forked(work: Callable[[], object]) -> int:
    """Does something in a process of its own; exit code 0, or 1 after an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of a fork beside threads, none of which is at work here.
        child = os.fork()
    if child == 0:
        gc.disable()  # It would touch, and so copy, all that the parent holds.
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return child


def strike_itself(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


# The kinds of faults that strike a run at a boundary. Each gives the name that it is counted under.


def kill(stage: Stage, number: int, chance: random.Random, boundary: Boundary) -> str:
    """A run that is killed: no handler, nothing flushed."""

    def work() -> None:
        with watched(at(number, lambda: strike_itself(signal.SIGKILL))):
            stage.run()

    assert os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1]) == -signal.SIGKILL
    return f"SIGKILL, {boundary.label}"


def fail(stage: Stage, number: int, chance: random.Random, boundary: Boundary) -> str:
    """A run that meets a full disk, or a broken one; it ends in one line, and nothing is left aside."""
    code = chance.choice([errno.ENOSPC, errno.EIO])

    def strike() -> None:
        raise OSError(code, os.strerror(code))

    # The command line makes one line of either, see test_cli; an error on tidying up is not worth stopping for.
    with watched(at(number, strike)), suppress(OSError, PipelineError):
        stage.run()
    return errno.errorcode[code]


def two_processes(stage: Stage, number: int, chance: random.Random, boundary: Boundary) -> str:
    """A run that begins while another is at work; that one then goes on, or is killed."""

    def work() -> None:
        with watched(at(number, lambda: strike_itself(signal.SIGSTOP))):
            stage.run()

    child = forked(work)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    before = contents(stage.folder)
    with pytest.raises(PipelineError, match=rf"is being filled by another process \(pid {child} on "):
        stage.run(chance.randrange(2))
    assert contents(stage.folder) == before
    end = chance.choice([signal.SIGCONT, signal.SIGKILL])
    os.kill(child, end)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == (0 if end == signal.SIGCONT else -end)
    return "two processes"


def two_processes_without_locks(stage: Stage, number: int, chance: random.Random, boundary: Boundary) -> str:
    """The same where the disk knows no locks: both write, of the same run or of two, and either may end in an error."""

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def work() -> None:
        with watched(at(number, lambda: strike_itself(signal.SIGSTOP))):
            stage.run()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", none)
        child = forked(work)
        assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
        with suppress(OSError, PipelineError):
            stage.run(chance.randrange(2))
        os.kill(child, signal.SIGCONT)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 1)
    return "two processes on a disk without locks"


# The kinds that strike the files.


def shard_of(stage: Stage, chance: random.Random) -> Path:
    return stage.folder / chance.choice(sorted(name for name in stage.undisturbed if name.endswith(".h5")))


def truncate(stage: Stage, number: int, chance: random.Random) -> str:
    path = shard_of(stage, chance)
    size = len(stage.undisturbed[path.name])
    path.write_bytes(stage.undisturbed[path.name][: [0, 1, size - 1, chance.randrange(size)][number % 4]])
    return "truncated shard"


def lengthen(stage: Stage, number: int, chance: random.Random) -> str:
    with shard_of(stage, chance).open("ab") as file:
        file.write(bytes(chance.randrange(1, 600)))
    return "lengthened shard"


def flip(stage: Stage, number: int, chance: random.Random) -> str:
    path = shard_of(stage, chance)
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return "flipped bit"


def foreign_shard(stage: Stage, number: int, chance: random.Random) -> str:
    """A shard of another run, of another place, or under a name of its own."""
    path = shard_of(stage, chance)
    name = chance.choice([name for name in stage.undisturbed if name not in (path.name, MANIFEST_NAME)])
    others = {file[: len("train-00000")]: data for file, data in stage.other.items()}
    place, elsewhere = path.name[: len("train-00000")], name[: len("train-00000")]
    source = [others.get(place, b""), stage.undisturbed[name], others.get(elsewhere, b"")][number % 3]
    (path if number % 4 else path.with_name("train-00077.h5")).write_bytes(source)
    return "shard of another run"


def foreign_manifest(stage: Stage, number: int, chance: random.Random) -> str:
    """A manifest of another version or run, one that was edited, or half of one."""
    path = stage.folder / MANIFEST_NAME
    text = stage.undisturbed[path.name].decode()
    value = json.loads(text)
    versions = [{**value, "schema_version": version} for version in (0, 1, 99, None)]
    texts = [*map(json.dumps, versions), text.replace('"rows": 8', '"rows": 7'), text[: chance.randrange(len(text))]]
    texts += ["", "[]", "null", stage.other[path.name].decode()]
    path.write_text(texts[number % len(texts)])
    return "manifest of another version or run"


def set_back_clock(stage: Stage, number: int, chance: random.Random) -> str:
    """A bit flips without a new time, all files get times of chance, and a run begins whose clock jumps back."""
    flip(stage, number, chance)
    for path in stage.folder.iterdir():
        moment = chance.uniform(0, 4e9)
        os.utime(path, (moment, moment))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: chance.uniform(0, 4e9))
        patch.setattr(time, "time_ns", lambda: chance.randrange(4 * 10**18))
        check(stage)
    stage.fill(stage.undisturbed)
    return "clock set back"


IN_A_RUN: list[Callable[..., str]] = [kill, fail, two_processes, two_processes_without_locks]
IN_THE_FILES: list[Callable[..., str]] = [truncate, lengthen, flip, foreign_shard, foreign_manifest, set_back_clock]


def states(stage: Stage) -> dict[str, dict[str, bytes]]:
    """What may be in the folder when a fault strikes."""
    whole, first = stage.undisturbed, next(name for name in stage.undisturbed if name.startswith("train-00000"))
    unfinished = {name: data for name, data in whole.items() if name != MANIFEST_NAME}
    return {
        "empty": {},
        "one shard": {first: whole[first], f"{first}.tmp": b"half", "train-00001-00000000.h5.tmp": b""},
        "another run": stage.other,
        "another list": stage.moved,
        "one shard bad": {**whole, first: whole[first][:-1]},
        "no manifest": unfinished,
        "whole": whole,
    }


def keys_of(path: Path) -> list[str]:
    """The pictures of a whole shard."""
    read = read_unlisted(path) if path.suffix == ".h5" else None
    return list(read[0].keys) if read else []


def check(stage: Stage) -> None:
    """What must hold after a fault."""
    before = contents(stage.folder)
    true = json.loads(stage.undisturbed[MANIFEST_NAME])["splits"].values()
    shards = [Shard(**shard) for split in true for shard in split["shards"]]
    with suppress(PipelineError):
        manifest = read_manifest(stage.folder)
        right = replace(stage.settings, seed=manifest.settings["seed"])
        for split in manifest.splits:
            lists = [[record for record in each if record.split == split] for each in (RECORDS, MOVED)]
            with suppress(PipelineError):
                read = read_split(stage.folder, manifest, split)
                (records,) = [each for each in lists if [record.id for record in each] == read.ids]
                streams = Streams(Module(), TINY, right, "cpu")  # type: ignore[arg-type]
                (expected,) = fake_embed_each(streams, iter(records), [len(records)])
                assert np.array_equal(read.views, expected)
    for shard in shards:
        if before.get(shard.file) != stage.undisturbed[shard.file]:
            with pytest.raises(PipelineError, match="which makes this shard again and keeps the others"):
                read_shard(stage.folder / shard.file, shard)
    whole = {**stage.moved, **stage.undisturbed}
    there = {key for name, data in before.items() if whole.get(name) == data for key in keys_of(stage.folder / name)}
    timings = stage.run()
    assert contents(stage.folder) == stage.undisturbed
    assert timings.images + timings.reused == len(RECORDS)
    assert timings.reused >= len(there)


@pytest.mark.slow
def test_no_fault_loses_or_changes_anything(stage: Stage, record_property: Callable[[str, object], None]) -> None:
    chance = random.Random(0)
    beginnings = states(stage)
    steps = [
        (state, number, boundary)
        for state, files in beginnings.items()
        if state not in ("no manifest", "whole")
        for number, boundary in enumerate(boundaries(stage, files))
    ]
    counts: Counter[str] = Counter()
    # Kills and disk errors strike each boundary in turn, in each state, a quarter of all faults each.
    kinds = [*[*IN_A_RUN[:2]] * 4, *IN_A_RUN[2:], *IN_THE_FILES]
    numbers: Counter[Callable[..., str]] = Counter()
    for index in range(int(os.environ.get("FAULTS", 4 * len(steps)))):
        kind = kinds[index % len(kinds)]
        number = numbers[kind]
        numbers[kind] += 1
        if index % len(kinds) < len(kinds) - len(IN_THE_FILES):
            # The others take every seventh boundary, which comes round to all of them.
            state, number, boundary = steps[number * (1 if kind in (kill, fail) else 7) % len(steps)]
            stage.fill(beginnings[state])
            label = kind(stage, number, chance, boundary)
            for name, data in contents(stage.folder).items():
                known = (stage.undisturbed.get(name), stage.other.get(name), beginnings[state].get(name))
                assert data in known or name.endswith(".tmp"), f"half a file: {name}"
        else:
            state = ("whole", "no manifest")[number % 2]
            stage.fill(beginnings[state])
            label = kind(stage, number, chance)
        try:
            check(stage)
        except Exception as error:
            raise AssertionError(f"fault {index}: {label}, number {number}, in state '{state}'") from error
        counts[label] += 1
    record_property(
        SUMMARY, f"{counts.total()} faults, at {len(steps)} boundaries of runs and in the files: nothing wrong or lost"
    )
    for label, count in sorted(counts.items()):
        record_property(SUMMARY, f"{count:6}  {label}")
