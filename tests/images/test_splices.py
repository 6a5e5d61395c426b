"""A spliced file reads as its pieces one after the other."""

from __future__ import annotations

import io
import random

from pipeline.images.splices import Piece, spliced

DATA = bytes(range(256)) * 20


def test_pieces_read_as_if_they_were_one_file() -> None:
    chance = random.Random(0)
    for _ in range(50):
        pieces: list[Piece] = []
        whole = b""
        for _ in range(chance.randrange(6)):
            start = chance.randrange(len(DATA))
            stop = min(start + chance.choice((0, 1, 7, 3000)), len(DATA))
            pieces.append(DATA[start:stop] if chance.random() < 0.5 else (start, stop))
            whole += DATA[start:stop]
        file = spliced(io.BytesIO(DATA), pieces)
        assert file.read() == whole
        for _ in range(20):
            at, size = chance.randrange(len(whole) + 10), chance.choice((1, 5, 5000))
            file.seek(at)
            assert file.read(size) == whole[at : at + size]
            assert file.tell() == min(at + size, max(at, len(whole)))
        assert file.seek(0, io.SEEK_END) == len(whole)


def test_a_file_that_became_shorter_ends_there() -> None:
    assert spliced(io.BytesIO(b"abc"), [b"<", (1, 100)]).read() == b"<bc"
