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
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image, features

from pipeline.base.csv_tables import read_table
from pipeline.collection.collect import collect
from pipeline.collection.result import Collection
from pipeline.images import examination, loading
from pipeline.images.examination import REJECTED, REJECTED_COLUMNS, Rejected, examine
from pipeline.images.listing import ImageRecord, read_list
from pipeline.images.sources import find_files

UNKNOWN = "not a picture of a known format"
HEIC = "HEIC, which needs pillow-heif: uv pip install pillow-heif"
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
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table pictures (id)")
        return connection.serialize()


def gif_without_frames() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0) + b";"


def tiff(offset: int) -> bytes:
    return b"II*\0" + struct.pack("<I", offset)


def film(brand: bytes) -> bytes:
    """The beginning of a file in the container that films and HEIC pictures share."""
    return struct.pack(">I4s4sI4s4s", 24, b"ftyp", brand, 0, b"mif1", b"heic") + bytes(100)


def avif_without_pixels() -> bytes:
    data = encoded("AVIF")
    begin = data.index(b"mdat") + 4
    return data[:begin] + bytes(len(data) - begin)


def no_numbers() -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(data, "TIFF")
    return data.getvalue()


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
    "brand-new film.mp4": (film(b"iso6"), UNKNOWN),
    **{f"from a phone, {brand}.heic": (film(brand.encode()), HEIC) for brand in ("heic", "heix", "mif1", "hevc")},
    "sound.wav": (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(32), UNKNOWN),
    "archive.zip": (zipped(), UNKNOWN),
    "archive.gz": (gzip.compress(png()), UNKNOWN),
    "program.exe": (b"MZ\x90\0" + bytes(60) + b"PE\0\0", UNKNOWN),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(60), UNKNOWN),
    "thumbnails.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), UNKNOWN),
    "pickle.pkl": (pickle.dumps({"a": 1}), UNKNOWN),
    "array.npy": (array(), UNKNOWN),
    "array.h5": (hdf5(), UNKNOWN),
    "catalogue.sqlite": (database(), UNKNOWN),
    "icon.ico": (encoded("ICO"), UNKNOWN),
    "layers.psd": (b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3), UNKNOWN),
    "header only.jpg": (encoded("JPEG")[:4], UNKNOWN),
    "header only.png": (png()[:8], UNKNOWN),
    "half.gif": (encoded("GIF")[:900], "cut off or damaged: too little"),
    "half.webp": (encoded("WEBP")[:600], "cut off or damaged: too little"),
    "wrong checksum.png": (png(data=zlib.compress(bytes(72)), crc=0), UNKNOWN),
    "no pixels.png": (png(), "cut off or damaged: too little"),
    "pixels that do not unpack.png": (png(data=b"no zlib stream"), "broken data stream"),
    "no width.png": (png(width=0, data=zlib.compress(b"")), UNKNOWN),
    "a bomb.png": (png(100_000, 100_000, zlib.compress(bytes(1000))), "pixels"),
    "a smaller bomb.png": (png(20_000, 16_000, zlib.compress(bytes(1000))), "320,000,000 pixels, expected at most"),
    "a bomb.gif": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";", UNKNOWN),
    "no frames.gif": (gif_without_frames(), UNKNOWN),
    "no directory.tiff": (tiff(0), UNKNOWN),
    "a directory beyond the end.tiff": (tiff(4_000_000_000), UNKNOWN),
    "a size that is no number.ppm": (b"P6 x y 255 ", "invalid literal for int"),
    "a size beyond reason.ppm": (b"P6 999999999 999999999 255 ", "pixels"),
    "wrong inside.webp": (b"RIFF\x40\0\0\0WEBPVP8 " + bytes(56), "cut off or damaged: too little"),
    "wrong inside.avif": (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100), UNKNOWN),
    "no numbers.tiff": (no_numbers(), "no pixel is a finite number"),
    "pixels before the file.bmp": (
        b"BM" + struct.pack("<IHHI", 60, 0, 0, 0xFFFFFFFF) + bytes(60),
        "Unsupported BMP header",
    ),
}
"""Name, content, and what the reason says: all of it, or a part of the decoder's words."""
if features.check("avif"):
    FILES["no pixels.avif"] = (avif_without_pixels(), "Failed to decode frame 0")


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


GOOD = {f"good.{kind.lower()}": kind for kind in ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")}
if features.check("avif"):
    GOOD["good.avif"] = "AVIF"
GOOD["a picture whose name says otherwise.txt"] = "PNG"
HALF = {f"half.{kind.lower()}": kind for kind in ("JPEG", "PNG", "TIFF", "BMP", "PPM")}
"""Cut off, and used as far as they go."""


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of all kinds, as if pillow-heif were not installed."""
    formats = [name for name in loading.formats() if name != "HEIF"]
    for module in (loading, examination):
        monkeypatch.setattr(module, "formats", lambda: formats)
    root = tmp_path / "pictures"
    root.mkdir()
    for name, (data, _) in FILES.items():
        (root / name).write_bytes(data)
    for name, (make, _) in PLACES.items():
        make(root / name)
    for name, kind in GOOD.items():
        (root / name).write_bytes(encoded(kind))
    for name, kind in HALF.items():
        whole = encoded(kind)
        (root / name).write_bytes(whole[: len(whole) // 2])
    return root


def check(reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        expected = (FILES | PLACES)[name][1]
        assert reason == expected if expected in (UNKNOWN, HEIC) else expected in reason, name
        assert len(reason.splitlines()) == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("thumbnails", [False, True])
def test_every_bad_file_is_left_out_with_its_reason(corpus: Path, tmp_path: Path, thumbnails: bool) -> None:
    assert len(FILES) + len(PLACES) >= 40
    names = sorted([*FILES, *PLACES, *GOOD, *HALF])
    found = examine(corpus, [Path(name) for name in names], "train", tmp_path / "thumbnails" if thumbnails else None)
    records = [record for record in found if isinstance(record, ImageRecord)]
    assert [record.id for record in records] == sorted([*GOOD, *HALF])
    remarks = {record.id: record.remark for record in records if record.remark}
    assert set(remarks) == set(HALF)
    for remark in remarks.values():
        assert 40 <= int(remark.removeprefix("cut off or damaged; ").split()[0]) <= 52
    reasons = {rejected.path: rejected.reason for rejected in found if isinstance(rejected, Rejected)}
    assert set(reasons) == {*FILES, *PLACES}
    check(reasons)
    assert not any(str(tmp_path) in reason for reason in reasons.values())


@pytest.mark.filterwarnings("ignore")
def test_every_file_of_a_folder_is_a_picture_or_rejected(corpus: Path, tmp_path: Path) -> None:
    collection = Collection(tmp_path / "made")
    found = collect(find_files([str(corpus)], collection.folder), collection, replace=True, fewest=2)
    assert [record.id for record in read_list(collection.images)] == sorted([*GOOD, *HALF], key=os.fsencode)
    rows = read_table(collection.folder / REJECTED, REJECTED_COLUMNS, "")
    reasons = {row["path"]: row["reason"] for row in rows}
    # The folder is no file, and nothing is in it.
    assert set(reasons) == {*FILES, *PLACES} - {"folder.png"}
    check(reasons)
    assert (found.images, found.rejected) == (len(GOOD) + len(HALF), len(rows))
    assert found.line().endswith("5 used in part, see cache/images/images.csv")
