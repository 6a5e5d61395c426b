"""Pictures with anything at all beside their pixels (typed EXIF, segments, chunks, tags), and deep ones."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image
from PIL.Image import Transpose
from sklearn.datasets import load_sample_image

from pipeline.images.stripping import TIFF_PIXELS

TAGS = (
    *(0x00FE, 0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013E, 0x013F, 0x014A, 0x0201),
    *(0x0202, 0x0211, 0x0213, 0x0214, 0x02BC, 0x8298, 0x829A, 0x829D, 0x83BB, 0x8649, 0x8769, 0x8773, 0x8825, 0x8827),
    *(0x9000, 0x9003, 0x9004, 0x9101, 0x927C, 0x9286, 0x9C9B, 0xA000, 0xA002, 0xA003, 0xA005, 0xA20E, 0xC4A5, 0xEA1C),
)
TURNED = (
    *(None, Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM, Transpose.TRANSPOSE),
    *(Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90),
)
"""By the orientations 1 to 8."""
COUNTS = (0, 1, 1, 2, 3, 4, 5, 8, 255, 2**16, 2**31, 2**32 - 1)
SMALL = (40, 30)


def photographs(count: int) -> list[Image.Image]:
    """Small parts of two real photographs."""
    chance = random.Random("photographs")
    found = []
    for number in range(count):
        whole = Image.fromarray(load_sample_image(("china.jpg", "flower.jpg")[number % 2]))
        left, top = chance.randrange(whole.width - 200), chance.randrange(whole.height - 150)
        found.append(whole.crop((left, top, left + 200, top + 150)).resize(SMALL))
    return found


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def typed(chance: random.Random, order: str, tag: int) -> bytes:
    """An entry of a directory with any type, count and value."""
    kind = chance.choice((*range(14), 16, 17, 18, 129, 65535))
    value = chance.choice((0, 1, 8, 26, 100, 2**31, 2**32 - 1, chance.randrange(2**32)))
    return struct.pack(f"{order}HHII", tag, kind, chance.choice(COUNTS), value)


def exif(chance: random.Random, orientation: int) -> bytes:
    """EXIF with an orientation that can be read, and other tags of any type in any order, some of them twice."""
    order = chance.choice("<>")
    right = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    entries = [typed(chance, order, chance.choice(TAGS)) for _ in range(chance.randrange(8))]
    entries.insert(chance.randrange(len(entries) + 1), right)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    next_place = struct.pack(f"{order}I", chance.choice((0, 0, 8, 2**32 - 1)))
    return head + b"".join(entries) + next_place + chance.randbytes(chance.randrange(200))


def with_segments(chance: random.Random, data: bytes, orientation: int) -> bytes:
    """A JPEG with its EXIF among segments of any kind."""
    names = (
        b"ICC_PROFILE\0\1\1",
        b"http://ns.adobe.com/xap/1.0/\0",
        b"Photoshop 3.0\0008BIM",
        b"MPF\0II*\0",
        b"FPXR\0",
    )
    made = [b"\xff\xe1" + _sized(b"Exif\0\0" + exif(chance, orientation))]
    for _ in range(chance.randrange(4)):
        mark = chance.choice((0xFE, *range(0xE2, 0xEE), 0xEF))
        body = chance.choice((b"", *names)) + chance.randbytes(chance.choice((0, 1, 40, 3000, 60000)))
        made.insert(chance.randrange(len(made) + 1), bytes((0xFF, mark)) + _sized(body))
    place = chance.choice((2, 20))
    return data[:place] + b"".join(made) + data[place:]


def _sized(body: bytes) -> bytes:
    return struct.pack(">H", len(body) + 2) + body


def with_chunks(chance: random.Random, data: bytes, orientation: int) -> bytes:
    """A PNG with its EXIF among chunks of any kind, with wrong sums, and texts that unpack to much more."""
    made = [_chunk(b"eXIf", exif(chance, orientation))]
    for _ in range(chance.randrange(5)):
        large = chance.random() < 0.02
        zipped = zlib.compress(bytes(2**22 if large else chance.choice((0, 9, 5000))), 1)
        kind, body = chance.choice(
            (
                (b"zTXt", b"workflow\0\0" + zipped),
                (b"iTXt", b"prompt\0\1\0\0\0" + zipped),
                (b"iCCP", b"profile\0\0" + zipped),
                (b"tEXt", chance.randbytes(chance.choice((0, 5, 2000)))),
                (chance.choice((b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"bKGD", b"hIST", b"sPLT")), b"\xff"),
                (chance.choice((b"acTL", b"fcTL", b"cICP", b"mDCv", b"prVt", b"caBX")), chance.randbytes(8)),
            )
        )
        broken = chance.random() < 0.5
        made.append(_chunk(kind, body, chance.randrange(2**32) if broken else None))
    chance.shuffle(made)
    place = chance.choice((33, len(data) - 12))
    return data[:place] + b"".join(made) + data[place:]


def _chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    found = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", found)


def with_tags(chance: random.Random, data: bytes) -> bytes:
    """A TIFF whose tags beside the pixels have any type, count and value."""
    made = bytearray(data)
    (at,) = struct.unpack("<I", data[4:8])
    for entry in range(at + 2, at + 2 + 12 * struct.unpack("<H", data[at : at + 2])[0], 12):
        (tag,) = struct.unpack("<H", data[entry : entry + 2])
        if tag not in (*TIFF_PIXELS, 0x0112, 280, 281) and chance.random() < 0.7:
            made[entry : entry + 12] = typed(chance, "<", tag)
    return bytes(made)


def odd_picture(seeds: Sequence[Image.Image]) -> Callable[[random.Random], tuple[bytes, np.ndarray]]:
    """Makes pictures with odd metadata, each with the pixels that it must have."""
    tags = {282: 72.0, 283: 72.0, 296: 2, 305: "software", 270: "about", 315: "somebody", 33432: "rights"}
    options: dict[str, dict[str, Any]] = {"JPEG": {}, "PNG": {}, "WEBP": {"lossless": True}, "TIFF": {"tiffinfo": tags}}
    files = {kind: [encoded(picture, kind, **more) for picture in seeds] for kind, more in options.items()}
    right = {kind: [Image.open(io.BytesIO(data)).convert("RGB") for data in made] for kind, made in files.items()}

    def make(chance: random.Random) -> tuple[bytes, np.ndarray]:
        kind, number = chance.choice(("JPEG", "JPEG", "PNG", "PNG", "WEBP", "TIFF")), chance.randrange(len(seeds))
        data, picture, orientation = files[kind][number], right[kind][number], chance.randrange(1, 9)
        if kind == "JPEG":
            data = with_segments(chance, data, orientation)
        elif kind == "PNG":
            data = with_chunks(chance, data, orientation)
        elif kind == "WEBP":
            data = encoded(seeds[number], "WEBP", exif=exif(chance, orientation), method=0, **options["WEBP"])
        else:
            orientation = 1
            data = with_tags(chance, data)
        turned = TURNED[orientation - 1]
        return data, np.asarray(picture if turned is None else picture.transpose(turned))

    return make


def deep_picture(chance: random.Random) -> tuple[bytes, np.ndarray]:
    """A picture of 10 to 16 bits of grey in either order of bytes, and what it is when its own range is stretched."""
    bits, order = chance.randrange(10, 17), chance.choice("<>")
    low = chance.randrange(2**bits - 300)
    values = np.random.default_rng(chance.randrange(2**32)).integers(low, 2**bits, (7, 9))
    expected = np.rint(((values - values.min()) * (255 / (values.max() - values.min()))).clip(0, 255))
    height, width = values.shape
    if chance.random() < 0.5:
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        head = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
        made = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + made, expected
    body = values.astype(f"{order}u2").tobytes()
    entries = {256: width, 257: height, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(body)}
    listed = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in entries.items())
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(entries)) + listed + bytes(4), expected
