"""Reads single tags of TIFF files and of EXIF, whatever the other tags are: no odd tag may cost a picture."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

ORIENTATION = 0x0112
CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 16: "Q"}
"""The types of single numbers (TIFF 6.0, section 2; BigTIFF), as `struct` has them."""
MOST = 4096
"""Entries of a directory that are looked at."""

Read = Callable[[int, int], bytes]
"""Gives so many bytes from a place on, or fewer at the end."""


@dataclass(frozen=True)
class Directory:
    """The first directory of tags, not interpreted."""

    read: Read
    order: str
    """Of the bytes, as `struct` has it."""
    is_big: bool
    """A BigTIFF."""
    entries: list[bytes]
    """As they stand in the file."""

    def tag(self, entry: bytes) -> int:
        """What an entry is about."""
        return int(struct.unpack(f"{self.order}H", entry[:2])[0])

    def numbers(self, tag: int) -> list[float]:
        """The first numbers of a tag; none where it is missing or has no numbers."""
        for entry in self.entries:
            if self.tag(entry) == tag:
                with suppress(struct.error, KeyError):
                    return self._numbers(entry)
        return []

    def _numbers(self, entry: bytes) -> list[float]:
        kind, count = struct.unpack(f"{self.order}{'HQ' if self.is_big else 'HI'}", entry[2 : 12 if self.is_big else 8])
        code, room = f"{self.order}{min(count, 4)}{CODES[kind]}", 8 if self.is_big else 4
        value, size = entry[-room:], struct.calcsize(code)
        if struct.calcsize(f"{self.order}{CODES[kind]}") * count > room:
            value = self.read(struct.unpack(f"{self.order}{'Q' if self.is_big else 'I'}", value)[0], size)
        return list(struct.unpack(code, value[:size]))


def directory(read: Read) -> Directory | None:
    """The first directory; None: there is none."""
    head = read(0, 16)
    with suppress(struct.error, KeyError, OverflowError):
        order = {b"II": "<", b"MM": ">"}[head[:2]]
        is_big = {42: False, 43: True}[struct.unpack(f"{order}H", head[2:4])[0]]
        (at,) = struct.unpack(f"{order}{'Q' if is_big else 'I'}", head[8:16] if is_big else head[4:8])
        length, size = (8, 20) if is_big else (2, 12)
        (count,) = struct.unpack(f"{order}{'Q' if is_big else 'H'}", read(at, length))
        body = read(at + length, size * min(count, MOST))
        return Directory(read, order, is_big, [body[at : at + size] for at in range(0, len(body) - size + 1, size)])
    return None


def of_bytes(data: bytes) -> Read:
    """Reads from bytes."""
    return lambda at, size: data[at : at + size]


def orientation_of(exif: bytes) -> int:
    """How a picture is to be turned by its EXIF: 1 to 8; 1 where that is not said, or not sensible."""
    found = directory(of_bytes(exif.removeprefix(b"Exif\0\0")))
    return orientation_in(found) if found else 1


def orientation_in(found: Directory) -> int:
    """The same of a directory."""
    value = (found.numbers(ORIENTATION) or [1])[0]
    return int(value) if value in range(1, 9) else 1
