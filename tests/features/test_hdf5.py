"""Reading HDF5 in a child: what comes back is what is in the file, whichever way it was stored and it came here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pipeline.features import hdf5

VALUES = np.random.default_rng(0).standard_normal((40, 3, 7))
STORED: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "one piece": (VALUES.astype("<f2"), {}),
    "other order of bytes": (VALUES.astype(">f4"), {}),
    "whole numbers": ((100 * VALUES).astype(np.int16), {}),
    "in chunks": (VALUES.astype("<f2"), {"chunks": (8, 3, 7)}),
    "compressed": (VALUES.astype("<f4"), {"compression": "gzip"}),
}


def written(path: Path, values: np.ndarray, how: dict[str, Any]) -> bytearray:
    """A file of numbers and ids; gives its bytes."""
    with h5py.File(path, "w") as file:
        file.create_dataset("embeddings", data=values, **how)
        file["ids"] = [f"bild-ü-{row}" for row in range(len(values))]
        file.attrs["version"] = 3
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("name", STORED)
def test_file_and_bytes_give_the_same(name: str, tmp_path: Path) -> None:
    values, how = STORED[name]
    data = written(tmp_path / "a.h5", values, how)
    for source in (tmp_path / "a.h5", memoryview(data)):
        found = hdf5.read(source, ("embeddings",), ("ids",))
        assert found.values is not None
        assert found.values.dtype == values.dtype
        np.testing.assert_array_equal(found.values, values)
        assert found.ids == [f"bild-ü-{row}" for row in range(40)]
        assert found.attributes == {"version": 3}


def test_numbers_in_one_piece_are_no_copy_and_others_are(tmp_path: Path) -> None:
    for name, is_part in (("one piece", True), ("other order of bytes", True), ("compressed", False)):
        data = written(tmp_path / "a.h5", *STORED[name])
        found = hdf5.read(memoryview(data), ("embeddings",), ("ids",))
        assert found.values is not None
        assert np.shares_memory(found.values, np.frombuffer(data, np.uint8)) == is_part


def test_numbers_that_numpy_has_not_come_back_as_those_that_it_has(tmp_path: Path) -> None:
    # 16 bits, of which 12 count: HDF5 gives whole int16, which are not what lies in the file.
    kind = h5py.h5t.STD_I16LE.copy()
    kind.set_precision(12)
    kind.set_offset(2)
    values = np.arange(-6, 6, dtype="<i2").reshape(4, 3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        h5py.h5d.create(file.id, b"embeddings", kind, h5py.h5s.create_simple(values.shape)).write(
            h5py.h5s.ALL, h5py.h5s.ALL, values
        )
    data = (tmp_path / "a.h5").read_bytes()
    found = hdf5.read(memoryview(data), ("embeddings",), ())
    assert found.values is not None
    np.testing.assert_array_equal(found.values, values)


def test_a_file_is_not_mixed_up_with_the_one_before(tmp_path: Path) -> None:
    for count in (30, 3, 17):
        values = np.full((count, 5), count, np.float32)
        data = written(tmp_path / "a.h5", values, {})
        found = hdf5.read(memoryview(data), ("embeddings",), ("ids",))
        assert found.values is not None
        np.testing.assert_array_equal(found.values, values)
        for short in (memoryview(data)[: len(data) // 2], memoryview(b"")):
            with pytest.raises(ValueError, match=r"[Nn]ot a file|empty"):
                hdf5.read(short, ("embeddings",), ("ids",))
