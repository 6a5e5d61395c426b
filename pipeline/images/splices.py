"""A file with parts left out or put in, read as if it were written so."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import IO, Any

Piece = bytes | tuple[int, int]
"""Bytes of ours, or those of the file from a place to another."""


class _Spliced(io.RawIOBase):
    def __init__(self, file: IO[bytes], pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._file, self._at = file, 0
        self._pieces = [piece for piece in pieces if _size(piece)]
        self._starts = [0, *accumulate(_size(piece) for piece in self._pieces)]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        piece, into = self._pieces[number], self._at - self._starts[number]
        wanted = min(len(buffer), _size(piece) - into)
        if isinstance(piece, bytes):
            data = piece[into : into + wanted]
        else:
            self._file.seek(piece[0] + into)
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _size(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else max(piece[1] - piece[0], 0)


def spliced(file: IO[bytes], pieces: Sequence[Piece]) -> io.BufferedReader:
    """The pieces, one after the other, as a file; the one they come from must stay open and be read by nobody else."""
    return io.BufferedReader(_Spliced(file, pieces), 2**16)
