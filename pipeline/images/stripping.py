"""What is no pixel is taken out of a file before a decoder sees it: texts, profiles, EXIF, tags that nobody needs.

So no such part can reject a picture, crash a decoder or unpack to gigabytes. How a picture is turned is read on
the way.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from pipeline.images import tags
from pipeline.images.splices import Piece, spliced


@dataclass
class Stripped:
    """A file without what is no pixel."""

    file: IO[bytes]
    pieces: list[Piece]
    orientation: int | None = None
    """1 to 8; None: what the decoder says, if anything."""
    said: dict[str, float] = field(default_factory=dict)
    """What the file says of the range of its values: ``bits`` that are significant, or ``low`` and ``high``."""
    end: bytes = b""
    """What lets a decoder go on to the end where the file's own end is missing."""

    def stream(self, ended: bool = False) -> io.BufferedReader:
        """The file for a decoder; `ended`: with an end of ours."""
        return spliced(self.file, [*self.pieces, self.end] if ended else self.pieces)


def strip(file: IO[bytes]) -> Stripped:
    """Looks through a file; one of a kind without such parts stays as it is."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    for begins, look in KINDS.items():
        if re.match(begins, head, re.DOTALL):
            return look(file, size)
    return Stripped(file, [(0, size)])


SMALL = 2**20
"""Bytes of a part that are looked at."""
PNG_PIXELS = {b"IHDR", b"PLTE", b"IDAT"}
CLEAR = {0: (2,), 2: (6,), 3: range(1, 257)}
"""The lengths that tRNS has for grey pictures, colours and palettes."""
END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


def _png(file: IO[bytes], size: int) -> Stripped:
    """The chunks that make pixels (PNG, third edition, section 11.2), and tRNS with a checksum that fits."""
    found = Stripped(file, [(0, 8)], 1)
    file.seek(25)
    colours = int.from_bytes(file.read(1), "big")
    at, begun, is_cut = 8, False, False
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"IEND" or not kind.isalpha():
            break
        stop = min(at + 12 + length, size)
        begun |= kind == b"IDAT"
        if kind in PNG_PIXELS:
            is_cut = at + 12 + length > size
            last = found.pieces[-1]
            if isinstance(last, tuple) and last[1] == at:
                found.pieces[-1] = (last[0], stop)
            else:
                found.pieces.append((at, stop))
        elif kind == b"tRNS" and not begun and length in CLEAR.get(colours, ()):
            body = kind + file.read(length)
            found.pieces.append(struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)))
        elif kind == b"eXIf" and length <= SMALL:
            found.orientation = tags.orientation_of(file.read(length))
        elif kind == b"sBIT" and 0 < length <= 4:
            found.said["bits"] = max(file.read(length))
        at += 12 + length
    if not is_cut:  # What follows would count as pixels.
        found.pieces.append(END)
    return found


def _jpeg(file: IO[bytes], size: int) -> Stripped:
    """The segments up to the first scan but comments and APPn; of these JFIF and Adobe's tell the colours."""
    found = Stripped(file, [b"\xff\xd8"], 1, end=b"\xff\xd9")
    at = 2
    file.seek(at)
    while mark := file.read(2):
        if len(mark) < 2:
            break
        if mark[0] != 0xFF or mark[1] in (0x00, 0xFF):  # Filling, or rubbish between two segments.
            at += 1
            file.seek(at)
            continue
        if mark[1] in range(0xD0, 0xDA) or mark[1] == 0x01:
            at += 2
            continue
        length = int.from_bytes(file.read(2), "big")
        if length < 2 or at + 2 + length > size:
            break
        if mark[1] == 0xDA:
            found.pieces.append((at, size))
            return found
        body = file.read(length - 2)
        if mark[1] == 0xE1 and body.startswith(b"Exif\0\0") and found.orientation == 1:
            found.orientation = tags.orientation_of(body)
        is_colour = (mark[1] == 0xE0 and body.startswith(b"JFIF\0") and length >= 16) or (
            mark[1] == 0xEE and body.startswith(b"Adobe") and length >= 14
        )
        if is_colour or not (mark[1] in range(0xE0, 0xF0) or mark[1] == 0xFE):
            found.pieces.append(mark + struct.pack(">H", length) + body)
        at += 2 + length
    return found


WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def _webp(file: IO[bytes], size: int) -> Stripped:
    """The chunks of the first frame (RFC 9649), with a length that fits; EXIF may stand before and behind them."""
    found = Stripped(file, [], 1)
    at, done = 12, False
    while at + 8 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        stop = at + 8 + length + (length & 1)
        if kind == b"EXIF" and length <= SMALL:
            found.orientation = tags.orientation_of(file.read(length))
        elif kind == b"VP8X" and length == 10 and not done:
            flags, rest = file.read(1), file.read(9)
            # Animation and transparency stay; profile, EXIF and XMP are gone.
            found.pieces.append(struct.pack("<4sI", kind, length) + bytes([flags[0] & 0b010010]) + rest)
        elif kind in WEBP_PIXELS and not done:
            found.pieces += [(at, min(stop, size)), b"\0" if stop == size + 1 else b""]
            done = kind in (b"VP8 ", b"VP8L", b"ANMF")
        at = stop
    whole = sum(len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in found.pieces)
    found.pieces.insert(0, struct.pack("<4sI4s", b"RIFF", whole + 4, b"WEBP"))
    return found


TIFF_PIXELS = {
    *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325),
    *(332, 334, 338, 339, 347, *range(512, 522), 529, 530, 531, 532, 0xBC01, 50674),
}
"""Size, kind, compression and place of the pixels (TIFF 6.0)."""
LEAST, MOST, REAL_LEAST, REAL_MOST = 280, 281, 340, 341
BITS = 258


def _tiff(file: IO[bytes], size: int) -> Stripped:
    """The file with another directory at its end, of the first one's tags that make pixels."""

    def read(at: int, count: int) -> bytes:
        file.seek(min(at, size))
        return file.read(min(count, SMALL))

    found = tags.directory(read)
    if found is None:
        return Stripped(file, [(0, size)])
    kept = [entry for entry in found.entries if found.tag(entry) in TIFF_PIXELS]
    pad = b"\0" * (-size % 16)
    place, order = size + len(pad), found.order
    if found.is_big:
        head = read(0, 8) + struct.pack(f"{order}Q", place)
        table = struct.pack(f"{order}Q", len(kept)) + b"".join(kept) + bytes(8)
    else:
        if place >= 2**32:
            return Stripped(file, [(0, size)])
        head = read(0, 4) + struct.pack(f"{order}I", place)
        table = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    result = Stripped(file, [head, (len(head), size), pad, table], tags.orientation_in(found))
    for least, most in ((LEAST, MOST), (REAL_LEAST, REAL_MOST)):
        if high := found.numbers(most):
            result.said |= {"low": (found.numbers(least) or [0])[0], "high": high[0]}
    if bits := found.numbers(BITS):
        result.said["bits"] = max(bits)
    return result


EXIF_ITEM = re.compile(rb"infe[\2\3]\0\0.(?:..|....)\0\0(Exif)", re.DOTALL)


def _heif(file: IO[bytes], size: int) -> Stripped:
    """An AVIF or HEIC without its EXIF item; turning is a property of the picture there (ISO/IEC 23008-12)."""
    file.seek(0)
    begins = file.read(SMALL)
    pieces: list[Piece] = []
    at = 0
    for item in EXIF_ITEM.finditer(begins):
        pieces += [(at, item.start(1)), b"free"]
        at = item.end(1)
    return Stripped(file, [*pieces, (at, size)])


KINDS: dict[bytes, Callable[[IO[bytes], int], Stripped]] = {
    rb"\x89PNG\r\n\x1a\n": _png,
    rb"\xff\xd8\xff": _jpeg,
    rb"RIFF....WEBP": _webp,
    rb"II[*+]\0|MM\0[*+]": _tiff,
    rb"....ftyp": _heif,
}
