from __future__ import annotations

import hashlib
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.features.shards import Shard, read_shard, reusable_shard, write_shard

IDS = ["a", "ü/ß.png", "<img src=x>", "日本"]
VALUES = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float16)


@pytest.fixture
def shard(tmp_path: Path) -> tuple[Path, Shard]:
    path = tmp_path / "data" / "backbone" / "train-00000.h5"
    return path, write_shard(path, IDS, VALUES, "f" * 64)


def reusable(path: Path, fingerprint: str, listed: Shard | None = None) -> Shard | None:
    return reusable_shard(path, IDS, (4, 3, 5), fingerprint, listed)


def test_a_round_trip_is_exact(shard: tuple[Path, Shard]) -> None:
    read = read_shard(*shard)
    assert read.ids == IDS
    assert read.views.dtype == np.float16
    assert read.views.tobytes() == VALUES.tobytes()
    assert np.array_equal(read.clean, VALUES[:, 0].astype(np.float32))


def test_the_same_content_gives_the_same_bytes(shard: tuple[Path, Shard], tmp_path: Path) -> None:
    again = tmp_path / "again.h5"
    write_shard(again, IDS, VALUES, "f" * 64)
    assert again.read_bytes() == shard[0].read_bytes()


def test_threads_write_shards_at_the_same_time(tmp_path: Path) -> None:
    def write(number: int) -> str:
        return write_shard(tmp_path / f"{number}.h5", IDS, VALUES, "f" * 64).file_sha256

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(write, range(200)))) == 1


def test_the_layout_is_the_documented_one(shard: tuple[Path, Shard]) -> None:
    with h5py.File(shard[0]) as file:
        assert file["embeddings"].shape == (4, 3, 5)
        assert file["embeddings"].dtype == np.float16
        assert file["embeddings"].chunks is None
        assert file["ids"].asstr()[:].tolist() == IDS


@pytest.mark.parametrize("position", [0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_truncated_shard_is_refused(shard: tuple[Path, Shard], position: float) -> None:
    path, listed = shard
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * position)])
    with pytest.raises(PipelineError, match=r"train-00000\.h5: .*pipeline extract"):
        read_shard(path, listed)
    assert reusable(path, listed.fingerprint) is None


def test_every_flipped_bit_in_the_values_is_found(shard: tuple[Path, Shard]) -> None:
    """By the digest of the content too, which is all that there is for a shard that no manifest lists."""
    path, listed = shard
    data = path.read_bytes()
    start = data.index(VALUES.tobytes())
    for offset in range(start, start + VALUES.nbytes, 7):
        damaged = bytearray(data)
        damaged[offset] ^= 1 << (offset % 8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(PipelineError, match="damaged"):
            read_shard(path, listed)
        assert reusable(path, listed.fingerprint) is None


def places_of(data: bytes) -> dict[str, int]:
    """A byte of each kind of place in a shard's file."""
    with h5py.File(h5py.h5f.open_file_image(data)) as file:
        ids, embeddings = (file[name].id.get_offset() for name in ("ids", "embeddings"))
    zeros = data.index(bytes(64))
    return {
        "signature": 1,
        "superblock": 40,
        "fingerprint": data.index(b"f" * 64) + 5,
        "name of an attribute": data.index(b"schema_version"),
        "name of a dataset": data.index(b"embeddings\0"),
        "ids": ids,
        "embeddings": embeddings + 9,
        "padding": zeros + 32,
        "last byte": len(data) - 1,
    }


def test_a_flipped_bit_anywhere_in_the_file_is_found(shard: tuple[Path, Shard]) -> None:
    """Guards against damage to HDF5's own bytes and padding, which the digest of the content does not cover."""
    path, listed = shard
    data = path.read_bytes()
    chance = random.Random(7)
    offsets = [*places_of(data).values(), *(chance.randrange(len(data)) for _ in range(200))]
    past_the_digest = 0
    for offset in offsets:
        damaged = bytearray(data)
        damaged[offset] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(PipelineError, match="pipeline extract"):
            read_shard(path, listed)
        # Without a manifest: either it is to be computed again, or it is put right from its own content.
        if reusable(path, listed.fingerprint) is not None:
            past_the_digest += 1
            assert path.read_bytes() == data
        path.write_bytes(damaged)
        assert reusable(path, listed.fingerprint, listed) in (None, listed)
        assert path.read_bytes() in (data, damaged)
    assert past_the_digest > 20


def test_the_reason_is_named(shard: tuple[Path, Shard]) -> None:
    path, listed = shard
    data = path.read_bytes()
    for changed, reason in (
        (data[:-9], f"truncated: expected {len(data):,} bytes, found {len(data) - 9:,}"),
        (data + b"x", "damaged: expected the SHA-256"),
        (data.replace(b"f" * 64, b"e" * 64), "made with other parameters, weights or pictures"),
        (b"", "not an HDF5 file"),
    ):
        path.write_bytes(changed)
        with pytest.raises(PipelineError, match=reason):
            read_shard(path, listed)
    path.unlink()
    path.mkdir()
    with pytest.raises(PipelineError, match=r"cannot be read \(Is a directory\)"):
        read_shard(path, listed)


def listed_as_it_is(path: Path) -> Shard:
    """A manifest's entry for whatever bytes are there, as somebody may forge it."""
    data = path.read_bytes()
    return Shard(path.name, 4, "f" * 64, "0" * 64, len(data), hashlib.sha256(data).hexdigest())


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_text("not HDF5 at all")
    with pytest.raises(PipelineError, match="not an HDF5 file"):
        read_shard(path, replace(listed_as_it_is(path), bytes=99))
    with h5py.File(path, "w") as file:
        file["other"] = np.zeros(3)
    with pytest.raises(PipelineError, match="not a shard of a feature cache"):
        read_shard(path, listed_as_it_is(path))
    with h5py.File(path, "w") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(PipelineError, match="expected schema version 2, found 99"):
        read_shard(path, listed_as_it_is(path))
    write_shard(path, IDS, VALUES, "e" * 64)
    with pytest.raises(PipelineError, match="made with other parameters"):
        read_shard(path, listed_as_it_is(path))
    listed = listed_as_it_is(path)
    path.unlink()
    with pytest.raises(PipelineError, match="the shard is missing"):
        read_shard(path, listed)


def test_a_shard_of_other_parameters_is_never_reused(shard: tuple[Path, Shard]) -> None:
    path, listed = shard
    assert reusable(path, listed.fingerprint) == listed
    assert reusable(path, "e" * 64) is None
    assert reusable_shard(path, [*IDS, "e"], (5, 3, 5), listed.fingerprint) is None


def test_values_that_float16_cannot_hold_are_refused(tmp_path: Path) -> None:
    values = VALUES.astype(np.float32)
    values[2, 1, 0] = np.inf
    path = tmp_path / "x.h5"
    with pytest.raises(PipelineError, match="image '<img src=x>' is not finite"):
        write_shard(path, IDS, values, "f" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_the_old_shard(
    shard: tuple[Path, Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = shard
    before = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_shard(path, IDS, VALUES + 1, "e" * 64)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
