"""Single tags are read whatever the others are, and nonsense is no orientation."""

from __future__ import annotations

import random
import struct

import pytest

from pipeline.images.tags import directory, of_bytes, orientation_of


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("kind", "code"), [(1, "B3x"), (3, "H2x"), (4, "I"), (9, "i")])
def test_an_orientation_is_read_from_any_whole_number(kind: int, code: str, order: str) -> None:
    entry = struct.pack(f"{order}HHI{code}", 0x112, kind, 1, 8)
    head = b"II*\0" if order == "<" else b"MM\0*"
    data = head + struct.pack(f"{order}IH", 8, 1) + entry
    assert orientation_of(data) == orientation_of(b"Exif\0\0" + data) == 8


def test_nonsense_turns_nothing() -> None:
    chance = random.Random(0)
    good = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHIHH", 0x112, 3, 1, 6, 0)
    for size in range(len(good)):
        assert orientation_of(good[:size]) == 1
    for _ in range(2000):
        assert orientation_of(chance.choice((b"II*\0", b"MM\0*", b"II+\0")) + chance.randbytes(40)) in range(1, 9)


def test_several_numbers_stand_elsewhere() -> None:
    listed = struct.pack("<HHII", 281, 3, 3, 26) + bytes(4) + struct.pack("<HHH", 1023, 4095, 7)
    found = directory(of_bytes(b"II*\0" + struct.pack("<IH", 8, 1) + listed))
    assert found is not None
    assert found.numbers(281) == [1023, 4095, 7]
    assert found.numbers(280) == []
