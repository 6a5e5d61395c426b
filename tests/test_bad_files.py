"""What lies in real folders beside good pictures: each kind is left out with its reason, and none stops the others."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import socket
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image, features

from pipeline.images import ImageRecord, Rejected, examine

UNKNOWN = "not a picture of a known format"
ANY = ""
"""A reason in the decoder's words, which differ between versions."""
PIXELS = np.random.default_rng(0).integers(0, 255, (64, 48, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, kind, **options)
    return data.getvalue()


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG file."""
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def png(width: int = 8, height: int = 8, data: bytes | None = None, crc: int | None = None) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header, crc)]
    if data is not None:
        parts.append(chunk(b"IDAT", data))
    return b"".join([*parts, chunk(b"IEND", b"")])


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("picture.png", png())
    return data.getvalue()


def array() -> bytes:
    data = io.BytesIO()
    np.save(data, PIXELS)
    return data.getvalue()


def hdf5() -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file["pixels"] = PIXELS
    return data.getvalue()


def database() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table pictures (id)")
        return connection.serialize()


def gif_without_frames() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0) + b";"


def tiff(offset: int) -> bytes:
    return b"II*\0" + struct.pack("<I", offset)


FILES: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", UNKNOWN),
    "one byte.jpg": (b"\xff", UNKNOWN),
    "zeros.png": (bytes(10_000), UNKNOWN),
    "noise.png": (np.random.default_rng(1).bytes(10_000), UNKNOWN),
    "text.jpg": (b"a picture of a cat\n", UNKNOWN),
    "text in utf-16.jpg": ("a picture".encode("utf-16"), UNKNOWN),
    "an error page.png": (b"<!DOCTYPE html><title>404 Not Found</title>", UNKNOWN),
    "a pointer.jpg": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", UNKNOWN),
    "sidecar.json": (b'{"label": "cat"}', UNKNOWN),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', UNKNOWN),
    "page.pdf": (b"%PDF-1.7\n%%EOF\n", UNKNOWN),
    # Pillow would hand this one to Ghostscript.
    "page.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", UNKNOWN),
    "page.eps.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", UNKNOWN),
    "film.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(100), UNKNOWN),
    "sound.wav": (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(32), UNKNOWN),
    "archive.zip": (zipped(), UNKNOWN),
    "archive.gz": (gzip.compress(png()), UNKNOWN),
    "program.exe": (b"MZ\x90\0" + bytes(60) + b"PE\0\0", UNKNOWN),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(60), UNKNOWN),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), UNKNOWN),
    "pickle.pkl": (pickle.dumps({"a": 1}), UNKNOWN),
    "array.npy": (array(), UNKNOWN),
    "array.h5": (hdf5(), UNKNOWN),
    "catalogue.sqlite": (database(), UNKNOWN),
    "icon.ico": (encoded("ICO"), UNKNOWN),
    "layers.psd": (b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3), UNKNOWN),
    "half.jpg": (encoded("JPEG")[:900], "truncated"),
    "header only.jpg": (encoded("JPEG")[:4], ANY),
    "half.png": (encoded("PNG")[:3000], "truncated"),
    "header only.png": (png()[:8], ANY),
    "half.gif": (encoded("GIF")[:900], "truncated"),
    "half.webp": (encoded("WEBP")[:600], ANY),
    "half.tiff": (encoded("TIFF")[:3000], ANY),
    "half.bmp": (encoded("BMP")[:3000], "truncated"),
    "half.ppm": (encoded("PPM")[:3000], ANY),
    "wrong checksum.png": (png(data=zlib.compress(bytes(72)), crc=0), ANY),
    "no pixels.png": (png(), ANY),
    "pixels that do not unpack.png": (png(data=b"no zlib stream"), ANY),
    "no width.png": (png(width=0, data=zlib.compress(b"")), ANY),
    "a bomb.png": (png(100_000, 100_000, zlib.compress(bytes(1000))), "pixels"),
    "a smaller bomb.png": (png(10_000, 9_000, zlib.compress(bytes(1000))), "90,000,000 pixels, expected at most"),
    "a bomb.gif": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";", ANY),
    "no frames.gif": (gif_without_frames(), ANY),
    "no directory.tiff": (tiff(0), ANY),
    "a directory beyond the end.tiff": (tiff(4_000_000_000), ANY),
    "a size that is no number.ppm": (b"P6 x y 255 ", ANY),
    "a size beyond reason.ppm": (b"P6 999999999 999999999 255 ", ANY),
    "wrong inside.webp": (b"RIFF\x40\0\0\0WEBPVP8 " + bytes(56), ANY),
    "wrong inside.avif": (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100), ANY),
    "pixels before the file.bmp": (b"BM" + struct.pack("<IHHI", 60, 0, 0, 0xFFFFFFFF) + bytes(60), ANY),
}
"""Name, content, and what the reason says."""


def pipe(path: Path) -> None:
    os.mkfifo(path)


def connection(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        # The name of a socket is short.
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def link_to_nothing(path: Path) -> None:
    path.symlink_to("gone.png")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe.png": (pipe, "not a file"),
    "socket.png": (connection, "not a file"),
    "link to nothing.png": (link_to_nothing, "No such file or directory"),
    "link to itself.png": (link_to_itself, "Too many levels of symbolic links"),
    "folder.png": (folder, "not a file"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("thumbnails", [False, True])
def test_every_bad_file_is_left_out_with_its_reason(tmp_path: Path, thumbnails: bool) -> None:
    assert len(FILES) + len(PLACES) >= 40
    root = tmp_path / "pictures"
    root.mkdir()
    for name, (data, _) in FILES.items():
        (root / name).write_bytes(data)
    for name, (make, _) in PLACES.items():
        make(root / name)
    good = {f"good.{kind.lower()}": kind for kind in ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")}
    if features.check("avif"):
        good["good.avif"] = "AVIF"
    good["a picture whose name says otherwise.txt"] = "PNG"
    for name, kind in good.items():
        (root / name).write_bytes(encoded(kind))

    names = sorted([*FILES, *PLACES, *good])
    found = examine(root, [Path(name) for name in names], "train", tmp_path / "thumbnails" if thumbnails else None)
    assert [record.id for record in found if isinstance(record, ImageRecord)] == sorted(good)
    reasons = {rejected.path: rejected.reason for rejected in found if isinstance(rejected, Rejected)}
    assert set(reasons) == {*FILES, *PLACES}
    for name, (_, expected) in (FILES | PLACES).items():
        reason = reasons[name]
        assert reason
        assert reason == expected if expected == UNKNOWN else expected in reason, name
        assert "\n" not in reason
        assert str(tmp_path) not in reason
