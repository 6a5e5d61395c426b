"""Faults injected into an extraction: whatever happens, the next run ends with the bytes of an undisturbed one.

A backbone of milliseconds stands in for the real one; all else is the extraction as it is. Each fault strikes a folder
in one of several states, and after it three things must hold:

- what a reader of the cache gets is right or is a `PipelineError`, never a wrong embedding;
- running again gives the undisturbed bytes, to the last file;
- no shard that was whole before that run is computed again.

`pytest tests/test_faults.py -s` prints how many faults of each kind were injected: by default so many that a kill and a
disk error strike at every boundary of a run. For thousands:

    FAULTS=5000 uv run pytest tests/test_faults.py -s
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import backbones, cache, extract
from pipeline.embedding import Timings
from pipeline.errors import PipelineError
from pipeline.images import ImageRecord, write_list
from pipeline.settings import ExtractSettings
from tests.conftest import SMALL

FAULTS = int(os.environ.get("FAULTS", "600"))
DIM, VIEWS, ROWS = 6, 2, 8
TINY = replace(SMALL, dim=DIM)
RECORDS = [ImageRecord(f"{number}", "train" if number < 20 else "test", "", None, f"{number}") for number in range(28)]
KILLED = 9
"""The exit code of a run that was killed from within."""


class Module:
    """Stands in for a backbone."""

    def to(self, _: str) -> Module:
        return self


def fake_read_ahead(_: Path, records: list[ImageRecord], *__: Any, **___: Any) -> Iterator[ImageRecord]:
    yield from records


def fake_embed(
    _: Module, __: Any, reader: Iterator[ImageRecord], rows: int, settings: ExtractSettings, *___: Any
) -> np.ndarray:
    """Embeddings that depend on the picture and the seed, so that no two shards and no two runs are alike."""
    result = np.empty((rows, 1 + VIEWS, DIM), np.float16)
    for row in range(rows):
        digest = hashlib.sha256(f"{next(reader).id} {settings.seed}".encode()).digest()
        result[row] = np.frombuffer(digest[: (1 + VIEWS) * DIM], np.uint8).reshape(1 + VIEWS, DIM)
    return result


@dataclass(frozen=True)
class Stage:
    """Where the faults happen."""

    images: Path
    folder: Path
    settings: ExtractSettings
    undisturbed: dict[str, bytes]
    other: dict[str, bytes]
    """The same pictures with another seed."""

    def run(self, seed: int = 0) -> Timings:
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
    monkeypatch.setattr(backbones, "find_weights", lambda _: (Path(), "0" * 64))
    monkeypatch.setattr(backbones, "load", lambda *_: Module())
    monkeypatch.setattr(extract, "read_ahead", fake_read_ahead)
    monkeypatch.setattr(extract, "embed", fake_embed)
    monkeypatch.setattr(extract, "shown_progress", lambda *_: nullcontext(lambda: None))
    write_list(tmp_path / "images", RECORDS)
    small = replace(settings.extract, views=VIEWS, shard_rows=ROWS)
    stage = Stage(tmp_path / "images", tmp_path / "features", small, {}, {})
    for seed, files in ((0, stage.undisturbed), (1, stage.other)):
        stage.fill({})
        stage.run(seed)
        files.update(contents(stage.folder))
    assert len(stage.undisturbed) == 5
    return stage


# The operations of a run on the disk, each a boundary that a kill or an error can fall on.

OPERATIONS = ("write", "fsync", "replace", "unlink")


@contextmanager
def watched(strike: Callable[[str, str], None]) -> Iterator[None]:
    """Calls `strike` with the operation and before, half (of a write) or after, at each one."""
    real = {"write": Path.write_bytes, "fsync": os.fsync, "replace": os.replace, "unlink": Path.unlink}

    def write(path: Path, data: bytes) -> int:
        strike("write", "before")
        real["write"](path, data[: len(data) // 2])  # type: ignore[operator]
        strike("write", "half")
        written = real["write"](path, data)  # type: ignore[operator]
        strike("write", "after")
        return int(written)

    def other(name: str) -> Callable[..., None]:
        def operation(*arguments: Any, **options: Any) -> None:
            strike(name, "before")
            real[name](*arguments, **options)  # type: ignore[operator]
            strike(name, "after")

        return operation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        patch.setattr(os, "fsync", other("fsync"))
        patch.setattr(os, "replace", other("replace"))
        patch.setattr(Path, "unlink", other("unlink"))
        yield


def boundaries(stage: Stage, files: dict[str, bytes]) -> int:
    """How many boundaries a run from these files has."""
    count = 0

    def tell(*_: str) -> None:
        nonlocal count
        count += 1

    stage.fill(files)
    with watched(tell):
        stage.run()
    return count


def at(number: int, strike: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """Strikes at one boundary and lets the others pass."""
    count = 0

    def each(operation: str, moment: str) -> None:
        nonlocal count
        count += 1
        if count - 1 == number:
            strike(operation, moment)

    return each


def kill(stage: Stage, number: int, chance: random.Random) -> None:
    """A run that ends at a boundary as SIGKILL ends one: no handler, nothing flushed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of a fork beside threads, none of which is at work here.
        child = os.fork()
    if child == 0:
        with suppress(BaseException), watched(at(number, lambda *_: os._exit(KILLED))):
            stage.run()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def fail(stage: Stage, number: int, chance: random.Random) -> None:
    """A run that meets a full disk, or a broken one, at a boundary; it ends in one line, and nothing is left aside."""
    code = chance.choice([errno.ENOSPC, errno.EIO])

    def strike(*_: str) -> None:
        raise OSError(code, os.strerror(code))

    # The command line makes one line of either, see test_cli; an error on tidying up is not worth stopping for.
    with watched(at(number, strike)), suppress(OSError, PipelineError):
        stage.run()


def shard_of(stage: Stage, chance: random.Random) -> Path:
    return stage.folder / chance.choice(sorted(name for name in stage.undisturbed if name.endswith(".h5")))


def truncate(stage: Stage, number: int, chance: random.Random) -> None:
    path = shard_of(stage, chance)
    size = len(stage.undisturbed[path.name])
    path.write_bytes(stage.undisturbed[path.name][: [0, 1, size - 1, chance.randrange(size)][number % 4]])


def lengthen(stage: Stage, number: int, chance: random.Random) -> None:
    with shard_of(stage, chance).open("ab") as file:
        file.write(bytes(chance.randrange(1, 600)))


def flip(stage: Stage, number: int, chance: random.Random) -> None:
    path = shard_of(stage, chance)
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def foreign_shard(stage: Stage, number: int, chance: random.Random) -> None:
    """A shard of another run, of another place, or under a name of its own."""
    path = shard_of(stage, chance)
    name = chance.choice([name for name in stage.undisturbed if name not in (path.name, cache.MANIFEST_NAME)])
    source = [stage.other[path.name], stage.undisturbed[name], stage.other[name]][number % 3]
    (path if number % 4 else path.with_name("train-00077.h5")).write_bytes(source)


def foreign_manifest(stage: Stage, number: int, chance: random.Random) -> None:
    """A manifest of another version or run, one that was edited, or half of one."""
    path = stage.folder / cache.MANIFEST_NAME
    text = stage.undisturbed[path.name].decode()
    value = json.loads(text)
    versions = [{**value, "schema_version": version} for version in (0, 1, 99, None)]
    texts = [*map(json.dumps, versions), text.replace('"rows": 8', '"rows": 7'), text[: chance.randrange(len(text))]]
    texts += ["", "[]", "null", stage.other[path.name].decode()]
    path.write_text(texts[number % len(texts)])


KINDS = {
    "kill": kill,
    "disk error": fail,
    "truncated shard": truncate,
    "lengthened shard": lengthen,
    "flipped bit": flip,
    "shard of another run": foreign_shard,
    "manifest of another version or run": foreign_manifest,
}
IN_A_RUN = (kill, fail)


def states(stage: Stage) -> dict[str, dict[str, bytes]]:
    """What may be in the folder when a fault strikes."""
    whole, first = stage.undisturbed, "train-00000.h5"
    unfinished = {name: data for name, data in whole.items() if name != cache.MANIFEST_NAME}
    return {
        "empty": {},
        "one shard": {first: whole[first], f"{first}.tmp": b"half", "train-00001.h5.tmp": b""},
        "another run": stage.other,
        "one shard bad": {**whole, first: whole[first][:-1]},
        "no manifest": unfinished,
        "whole": whole,
    }


def check(stage: Stage) -> None:
    """What must hold after a fault."""
    before = contents(stage.folder)
    true = json.loads(stage.undisturbed[cache.MANIFEST_NAME])["splits"].values()
    shards = [cache.Shard(**shard) for split in true for shard in split["shards"]]
    with suppress(PipelineError):
        manifest = cache.read_manifest(stage.folder)
        right = replace(stage.settings, seed=manifest.settings["seed"])
        for split in manifest.splits:
            records = [record for record in RECORDS if record.split == split]
            with suppress(PipelineError):
                read = cache.read_split(stage.folder, manifest, split)
                assert read.ids == [record.id for record in records]
                assert np.array_equal(read.views, fake_embed(Module(), TINY, iter(records), len(records), right))
    for shard in shards:
        if before.get(shard.file) != stage.undisturbed[shard.file]:
            with pytest.raises(PipelineError, match="which makes this shard again and keeps the others"):
                cache.read_shard(stage.folder / shard.file, shard)
    timings = stage.run()
    assert contents(stage.folder) == stage.undisturbed
    assert timings.images + timings.reused == len(RECORDS)
    assert timings.reused >= sum(s.rows for s in shards if before.get(s.file) == stage.undisturbed[s.file])


@pytest.mark.slow
def test_no_fault_loses_or_changes_anything(stage: Stage) -> None:
    chance = random.Random(0)
    beginnings = states(stage)
    steps = [
        (name, number)
        for name, files in beginnings.items()
        for number in range(boundaries(stage, files) if name not in ("no manifest", "whole") else 0)
    ]
    counts: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    # Half of the faults strike a run at its boundaries, each boundary in turn, in each state; the others the files.
    kinds = [*["kill", "disk error"] * 3, *list(KINDS)[2:]]
    for index in range(FAULTS):
        kind = kinds[index % len(kinds)]
        number = numbers[kind]
        numbers[kind] += 1
        if KINDS[kind] in IN_A_RUN:
            state, number = steps[number % len(steps)]
        else:
            state = ("whole", "no manifest")[number % 2]
        stage.fill(beginnings[state])
        KINDS[kind](stage, number, chance)
        if KINDS[kind] in IN_A_RUN:
            for name, data in contents(stage.folder).items():
                half = data not in (stage.undisturbed.get(name), beginnings[state].get(name))
                assert not half or name.endswith(".tmp"), f"half a file: {name}"
        try:
            check(stage)
        except Exception as error:
            raise AssertionError(f"fault {index}: {kind}, number {number}, in state '{state}'") from error
        counts[kind] += 1
    print(f"\n{sum(counts.values())} faults, at {len(steps)} boundaries and in the files: nothing wrong or lost")
    for kind, count in counts.items():
        print(f"{count:6}  {kind}")
