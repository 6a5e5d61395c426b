"""Parts on the disk: taken only where they are whole and made from just what is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.base.kept import Part, Store, forget

PART = Part({"loss": 0.1 + 0.2, "history": [{"step": 1.0}]}, {"a/b": np.arange(6.0).reshape(2, 3).T})


def test_a_part_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path / "parts", {"features": "x"})
    assert store.read("scp/1", [1]) is None
    store.write("scp/1", [1], PART)
    found = store.read("scp/1", [1])
    assert found is not None
    assert found.about == PART.about
    np.testing.assert_array_equal(found.arrays["a/b"], PART.arrays["a/b"])
    assert [path.name for path in (tmp_path / "parts" / "scp").iterdir()] == ["1.part"]
    forget(tmp_path / "parts", ["scp"])
    assert not (tmp_path / "parts").exists()


def test_what_was_made_from_something_else_is_not_taken(tmp_path: Path) -> None:
    Store(tmp_path, {"features": "x"}).write("scp/1", [1], PART)
    assert Store(tmp_path, {"features": "x"}).read("scp/1", [2]) is None
    assert Store(tmp_path, {"features": "y"}).read("scp/1", [1]) is None
    assert Store(tmp_path, {"features": "x"}).read("scp/2", [1]) is None


@pytest.mark.parametrize("place", [0, 31, 40, 60, -1])
def test_a_flipped_bit_anywhere_is_seen(tmp_path: Path, place: int) -> None:
    store = Store(tmp_path, None)
    store.write("one", None, PART)
    data = bytearray((tmp_path / "one.part").read_bytes())
    data[place] ^= 1
    (tmp_path / "one.part").write_bytes(data)
    assert store.read("one", None) is None


@pytest.mark.parametrize("size", [0, 5, 35, 100])
def test_half_a_part_is_none(tmp_path: Path, size: int) -> None:
    store = Store(tmp_path, None)
    store.write("one", None, PART)
    (tmp_path / "one.part").write_bytes((tmp_path / "one.part").read_bytes()[:size])
    assert store.read("one", None) is None
