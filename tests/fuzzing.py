"""Damaged and forged files for everything that reads what others made.

    uv run python -m tests.fuzzing                    # 300 cases a reader, as in CI
    uv run python -m tests.fuzzing --cases 100000     # the long run, see docs/fuzzing.md
    uv run python -m tests.fuzzing h5 --case 4711     # one case again, with its traceback

A case is made of its reader's name and its number alone, so it can be repeated. It may end in two ways: the file is
read and what comes of it is sane, or it is refused in one line (`PipelineError`, or `Rejected` for a picture). All else
is a finding: any other exception, a warning that people would see, more than `SECONDS` or `MEGABYTES`, and the end of
the process. The cases run in child processes, so that a crash is noticed and named too.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import math
import mmap
import os
import platform
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import torch
import yaml
from PIL import Image, features
from safetensors.numpy import save
from sklearn.metrics import adjusted_rand_score

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_json
from pipeline.cli.settings import read_params
from pipeline.collection import exchange, export
from pipeline.collection.edits import Action, read_edits
from pipeline.collection.effects import applied_to
from pipeline.collection.layout import Layout
from pipeline.collection.matching import Pictures, common, read_pictures, write_pictures
from pipeline.collection.numbers import CLUSTERS, Numbers
from pipeline.collection.result import Collection
from pipeline.collection.rules import EDITS, PARTS, Rules, read_rules, write_rules
from pipeline.features import hdf5
from pipeline.features.cache import open_features, write_mix
from pipeline.features.components import Components
from pipeline.features.manifest import MANIFEST_NAME, Manifest
from pipeline.features.scaling import recorded, rounded, scaling_for
from pipeline.features.shards import Origin, encode_ids, read_shard, write_shard
from pipeline.features.unlisted import read_unlisted
from pipeline.features.vectors import read_vectors
from pipeline.features.verify import verify
from pipeline.heads.head import Head
from pipeline.heads.predictions import PREDICTED_COLUMNS, read_assignments, read_runs, write_predictions
from pipeline.heads.saved import SavedModel, load_model, save_model
from pipeline.heads.training import HeadModel
from pipeline.images import listing, sources
from pipeline.images.datasets.idx import read_idx
from pipeline.images.examination import Rejected, examine
from pipeline.images.listing import ImageRecord, write_list
from pipeline.images.thumbnails import thumbnail
from pipeline.methods import METHODS, kmeans, settings_of
from pipeline.methods.kmeans import Centroids, best_centroids, normalise
from pipeline.methods.voting import Labelled
from tests import odd_pictures

SECONDS, MEGABYTES = 20.0, 2048
"""What a case may take, in seconds of the processor; that it stands still is noticed after thirty times as many."""
CASES = 300
ROOT = Path(__file__).parents[1]

Case = Callable[[random.Random], bool]
"""Makes a file by chance and reads it; whether it was accepted."""


# How files are damaged.

NUMBERS = (-1, 0, 1, 2, 3, 127, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**30, -(10**30))
TEXTS = (
    "",
    " ",
    "\0",
    "\n",
    "\r",
    "a\0",
    "../x",
    "../../../../etc/passwd",
    "/etc/passwd",
    "~",
    "~nobody/x",
    "$(id)",
    "`id`",
    "; id",
    "<script>alert(1)</script>",
    "'\"",
    "=1+1",
    "\u202egpj.x",
    "\x1b[2J",
    "\ud800",
    "\udcff",
    "\ufeff",
    "\u0663",
    "1_0",
    "1e999",
    "nan",
    "e\u0301",
    "日本",
    "x" * 300,
    "9" * 5000,
)
ODD: tuple[Any, ...] = (None, True, False, *NUMBERS, 0.5, -0.0, 1e308, math.nan, math.inf, -math.inf, *TEXTS, [], {})


def damaged(chance: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Bytes with a few changes; `others` lend parts of theirs."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        if not made:
            break
        at, size = chance.randrange(len(made)), chance.choice((1, 2, 4, 8, chance.randrange(1, 65)))
        match chance.randrange(9):
            case 0:
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                made[at] = chance.randrange(256)
            case 2:
                made[at : at + size] = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * size
            case 3:
                number = chance.choice(NUMBERS) % 2 ** (8 * min(size, 8))
                made[at : at + min(size, 8)] = number.to_bytes(min(size, 8), chance.choice(("little", "big")))
            case 4:
                source = chance.choice(others) if others else bytes(made)
                start = chance.randrange(len(source) or 1)
                made[at : at + size] = source[start : start + size]
            case 5:
                start = chance.randrange(len(made))
                made[at:at] = made[start : start + size]
            case 6:
                del made[at : at + size]
            case 7:
                del made[at:]
            case 8:
                source = chance.choice(others) if others else bytes(made)
                made[at:] = source[chance.randrange(len(source) or 1) :]
    return bytes(made)


def nested(chance: random.Random) -> Any:
    """A few lists or mappings in each other, or more than a parser likes."""
    value: Any = chance.choice(ODD)
    for _ in range(chance.choice((1, 3, 50))):
        value = [value] if chance.random() < 0.5 else {"a": value}
    return value


def changed(chance: random.Random, value: Any) -> Any:
    """Plain data (as JSON has it) with a few changes: other values, other types, keys gone, added or renamed."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        value = _changed_once(chance, value)
    return value


def _changed_once(chance: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        match chance.randrange(12):
            case 0:
                return {name: item for name, item in value.items() if name != key}
            case 1:
                return {**value, str(chance.choice(ODD)): chance.choice(ODD)}
            case 2:
                return {(str(chance.choice(ODD)) if name == key else name): item for name, item in value.items()}
            case 3:
                return {**value, key: value[chance.choice(list(value))]}
            case _:
                return {**value, key: _changed_once(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        match chance.randrange(8):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value[:at] + value[at:] * 2
            case _:
                return [*value[:at], _changed_once(chance, value[at]), *value[at + 1 :]]
    if isinstance(value, int) and not isinstance(value, bool) and chance.random() < 0.3:
        return value + chance.choice((-1, 1)) * chance.choice((1, 2, 1000))
    return nested(chance) if chance.random() < 0.1 else chance.choice(ODD)


def rewritten(chance: random.Random, text: str, odd: Sequence[str]) -> str:
    """Text with lines and words gone, doubled, exchanged, or odd ones in their place."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + chance.choice((0, 1, 4, 12, 80)))
        match chance.randrange(6):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:end] + text[at:]
            case 2:
                text = text[:at]
            case _:
                text = text[:at] + chance.choice(odd) + text[end:]
    return text


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def as_json(chance: random.Random, value: Any) -> bytes:
    """A changed value as JSON, sometimes with damage to the text itself."""
    data = json.dumps(changed(chance, value), ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        return damaged(chance, data)
    if chance.random() < 0.02:
        return data.replace(b"0", chance.choice((b"[" * 100_000, b"9" * 5000, b'{"a":' * 5000)), 1)
    return data


# The readers.


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    # A copy: what one format leaves on a picture is in the way of the next.
    picture.copy().save(data, kind, **options)
    return data.getvalue()


def picture_seeds() -> list[bytes]:
    """Small pictures in every format, of many kinds inside."""
    pixels = np.random.default_rng(0).integers(0, 255, (9, 13, 4), dtype=np.uint8)
    clear, colour = Image.fromarray(pixels), Image.fromarray(pixels[..., :3])
    grey, deep = Image.fromarray(pixels[..., 0]), Image.fromarray(pixels[..., 0].astype(np.uint16) * 200)
    real, whole = Image.fromarray(pixels[..., 0].astype(np.float32)), Image.fromarray(pixels[..., 0].astype(np.int32))
    few, turned = colour.quantize(7), Image.Exif()
    turned[0x0112] = 6
    made = [
        encoded(colour, "JPEG", exif=turned),
        encoded(colour, "JPEG", progressive=True, icc_profile=b"profile" * 9),
        encoded(colour.convert("CMYK"), "JPEG"),
        encoded(grey, "JPEG"),
        encoded(colour, "MPO", save_all=True, append_images=[grey.convert("RGB")]),
        *(encoded(each, "PNG") for each in (clear, colour, grey, deep, grey.convert("1"), grey.convert("LA"))),
        encoded(few, "PNG", transparency=2),
        encoded(colour, "PNG", save_all=True, append_images=[grey.convert("RGB")]),
        encoded(colour, "WEBP"),
        encoded(clear, "WEBP", lossless=True, exif=turned),
        encoded(clear, "WEBP", save_all=True, append_images=[grey.convert("RGB")]),
        encoded(few, "GIF", transparency=1),
        encoded(colour, "GIF", save_all=True, append_images=[grey.convert("RGB")]),
        *(encoded(each, "BMP") for each in (colour, clear, grey, few)),
        *(encoded(each, "TIFF") for each in (colour, clear, deep, real, whole)),
        *(encoded(colour, "TIFF", compression=way) for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        encoded(grey.convert("1"), "TIFF", compression="group4"),
        encoded(colour, "TIFF", save_all=True, append_images=[grey.convert("RGB")]),
        *(encoded(each, "PPM") for each in (colour, grey, deep, grey.convert("1"))),
        b"P3 2 2 9 1 2 3 4 5 6 7 8 9 1 2 3",
        # Run-length encoded, 4 x 2 pixels.
        struct.pack("<2s6I2H6I", b"BM", 74, 0, 62, 40, 4, 2, 1, 8, 1, 12, 0, 0, 2, 0)
        + b"\0\0\0\0\xff\xff\xff\0\4\1\0\0\2\0\2\1\0\0\0\1",
    ]
    if features.check("avif"):
        made += [encoded(colour, "AVIF", speed=10), encoded(clear, "AVIF", speed=10, exif=turned)]
    return made


def with_right_sums(data: bytes) -> bytes:
    """A PNG file whose chunks have the checksums that fit, so that a decoder goes on to what is wrong inside."""
    at, parts = 8, [data[:8]]
    while at + 12 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        body = data[at + 4 : at + 8 + size]
        parts += [data[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + size
    return b"".join([*parts, data[at:]])


def picture(place: Path) -> Case:
    seeds, path = picture_seeds(), place / "picture"

    def case(chance: random.Random) -> bool:
        data = damaged(chance, chance.choice(seeds), seeds)
        if data.startswith(b"\x89PNG") and chance.random() < 0.7:
            data = with_right_sums(data)
        path.write_bytes(data)
        (looked,) = examine(place, [Path(path.name)], "new")
        if isinstance(looked, Rejected):
            assert looked.reason
            assert str(place) not in looked.reason
            raise PipelineError(looked.reason)
        found = listing.open_image(place, looked)
        assert found.mode in ("L", "RGB")
        assert thumbnail(found, 160)
        return True

    return case


def metadata(place: Path) -> Case:
    """Whatever stands beside the pixels, they are the same; and of a file that is cut off those that are there."""
    path, photographs = place / "picture", odd_pictures.photographs(12)
    make = odd_pictures.odd_picture(photographs)

    def case(chance: random.Random) -> bool:
        way = chance.random()
        data, expected = odd_pictures.deep_picture(chance) if way < 0.1 else make(chance)
        whole = way < 0.9
        path.write_bytes(data if whole else data[: chance.randrange(len(data))])
        (looked,) = examine(place, [Path(path.name)], "new")
        if isinstance(looked, Rejected):
            assert not whole, f"refused: {looked.reason}"
            raise PipelineError(looked.reason)
        found = np.asarray(listing.open_image(place, looked))
        if whole:
            assert not looked.remark
            assert np.array_equal(found, expected), "other pixels"
        else:
            assert found.size <= expected.size
        return True

    return case


def npy_seeds() -> list[bytes]:
    chance = np.random.default_rng(0)
    arrays: list[Any] = [
        chance.normal(size=(4, 3)).astype(np.float32),
        chance.normal(size=(3, 4, 2)).astype(np.float16),
        np.asfortranarray(chance.normal(size=(4, 3))),
        chance.integers(-9, 9, (4, 2)).astype(">i2"),
        chance.integers(0, 255, (5, 4, 4), dtype=np.uint8),
        chance.integers(0, 255, (3, 4, 4, 3), dtype=np.uint8),
    ]
    made = []
    for array in arrays:
        data = io.BytesIO()
        np.save(data, array)
        made.append(data.getvalue())
    data = io.BytesIO()
    np.savez(data, embeddings=arrays[0])
    return [*made, data.getvalue()]


NPY_WORDS = (
    *TEXTS[:24],
    *map(str, NUMBERS),
    *("4L", "(", ")", ",", "'", "True", "None", "[(", "'O'", "'|V8'", "'<c8'", "'<M8[s]'", "'<f16'", "'|S4'", "'<U2'"),
    *("(10000000000, 3)", "(0, 3)", "(-4, 3)", "()", "(" * 300, "-" * 300, "'<f4', " * 20, "\t", "#", "\\", "0x4"),
)


def npy_damaged(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A .npy file with another header, or damaged anywhere."""
    data = chance.choice(seeds)
    if data[:1] != b"\x93" or chance.random() < 0.4:
        return damaged(chance, data, seeds)
    size = struct.unpack("<H", data[8:10])[0]
    header = as_bytes(rewritten(chance, data[10 : 10 + size].decode("latin1"), NPY_WORDS))
    version_of = chance.choice((b"\1\0", b"\2\0", b"\3\0"))
    length = struct.pack("<H" if version_of == b"\1\0" else "<I", len(header) % 65536)
    return data[:6] + version_of + length + header + data[10 + size :]


def array(place: Path) -> Case:
    """Pictures as rows of an array, as `prepare` keeps them."""
    seeds, path = npy_seeds(), place / "train.npy"

    def case(chance: random.Random) -> bool:
        listing._mapped.cache_clear()
        path.write_bytes(npy_damaged(chance, seeds))
        record = ImageRecord("a", "train", path.name, chance.choice((0, 1, 4, 10**6)), "")
        found = listing.open_image(place, record)
        assert found.mode in ("L", "RGB")
        assert thumbnail(found, 160)
        return True

    return case


def npy(place: Path) -> Case:
    seeds = npy_seeds()
    return vectors(place / "some.npy", lambda chance: npy_damaged(chance, seeds))


def h5_file(ids: Any, libver: str = "earliest", **options: Any) -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w", libver=libver) as file:
        rows = np.random.default_rng(0).normal(size=(4, 3, 2) if libver == "latest" else (4, 3)).astype(np.float32)
        file.create_dataset("embeddings", data=rows, **options)
        if ids is not None:
            file["ids"] = ids
        file.attrs["note"] = "some text"
    return data.getvalue()


def h5(place: Path) -> Case:
    seeds = [
        h5_file(None),
        h5_file(["a", "b", "c", "d"]),
        h5_file(np.array([b"a", b"bc", b"d", b"e"])),
        h5_file(np.arange(4), chunks=(2, 3), compression="gzip"),
        h5_file(None, "latest", chunks=(2, 3, 2), shuffle=True, fletcher32=True),
        h5_file(np.array([b"a", b"b", b"c", b"d"]), maxshape=(None, 3), compression="lzf"),
    ]
    return vectors(place / "some.h5", lambda chance: damaged(chance, chance.choice(seeds), seeds))


def parquet_file(kind: pyarrow.DataType, ids: bool, **options: Any) -> bytes:
    columns = {"embeddings": pyarrow.array(np.random.default_rng(0).normal(size=(4, 3)).round(2).tolist(), kind)}
    if ids:
        columns["path"] = pyarrow.array(["a", "b", "c", "d"])
    data = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), data, **options)
    return data.getvalue()


def parquet(place: Path) -> Case:
    single, double = pyarrow.list_(pyarrow.float32()), pyarrow.list_(pyarrow.float64(), 3)
    seeds = [
        parquet_file(single, True, compression="none", store_schema=False),
        parquet_file(single, False),
        parquet_file(double, True, compression="zstd", row_group_size=2),
        parquet_file(double, False, use_dictionary=False, data_page_version="2.0", compression="gzip"),
        parquet_file(single, True, compression="brotli", write_page_checksum=True),
        parquet_file(pyarrow.fixed_shape_tensor(pyarrow.float32(), [3]), True),
    ]
    return vectors(place / "some.parquet", lambda chance: damaged(chance, chance.choice(seeds), seeds))


def npz(place: Path) -> Case:
    """Archives of arrays."""
    rows, views = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32), np.ones((4, 3, 2))
    seeds = []
    for save_as in (np.savez, np.savez_compressed):
        for parts in (
            {"embeddings": rows},
            {"a": rows, "key": np.array(list("abcd"))},
            {"views": views, "id": rows[:, 0]},
        ):
            data = io.BytesIO()
            save_as(data, **parts)
            seeds.append(data.getvalue())

    def make(chance: random.Random) -> bytes:
        if chance.random() < 0.5:
            return damaged(chance, chance.choice(seeds), seeds)
        # A sound archive of a damaged array.
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            archive.writestr("embeddings.npy", npy_damaged(chance, npy_seeds()))
            if chance.random() < 0.5:
                archive.writestr("ids.npy", npy_damaged(chance, npy_seeds()))
        return data.getvalue()

    return vectors(place / "some.npz", make)


def scales(place: Path) -> Case:
    """Three blobs of any scale and place, whole: they are found, or the file itself has lost them."""
    path = place / "some.npy"

    def case(chance: random.Random) -> bool:
        draw = np.random.default_rng(chance.randrange(2**32))
        labels = np.arange(60) % 3
        blobs = 8 * draw.normal(size=(3, 16))[labels] + draw.normal(size=(60, 16))
        away = 10.0 ** draw.uniform(-2, 9) * blobs.std() * draw.uniform(-1, 1, 16)
        wide = 10.0 ** (draw.uniform(-30, 29, 16) if chance.random() < 0.3 else draw.uniform(-30, 29))
        kind = chance.choice((np.float32, np.float64))
        with np.errstate(over="ignore"):
            values = ((blobs + away) * wide).astype(kind)
        constant = np.full((60, chance.randrange(3)), 10.0 ** draw.uniform(-30, 29))
        np.save(path, np.c_[values.astype(np.float64), constant] if chance.random() < 0.5 else values)
        found = read_vectors(path).views
        if np.mean(np.ptp(values.astype(np.float64), axis=0) > 0) < 0.5:
            return False  # Most columns are constant in float32, as others are that never told anything apart.
        if kind is np.float64:
            scaling = scaling_for(found)
        else:
            try:
                scaling = scaling_for(found)
            except ValueError as error:
                raise PipelineError(str(error)) from None
        rows = normalise(rounded(found, scaling)[:, 0])
        assert np.isfinite(rows).all()
        centroids, _ = best_centroids(rows, 3, kmeans.Settings(20, 50, 0.0), 0)
        assert adjusted_rand_score(labels, Centroids(centroids).logits(rows).argmax(1)) == 1
        return True

    return case


def vectors(path: Path, make: Callable[[random.Random], bytes]) -> Case:
    """Embeddings that people bring."""

    def case(chance: random.Random) -> bool:
        path.write_bytes(make(chance))
        found = read_vectors(path)
        assert found.views.dtype in (np.float32, np.float64)
        assert found.views.ndim == 3
        assert np.isfinite(found.views).all()
        with suppress(ValueError):  # All rows are the same.
            assert np.isfinite(rounded(found.views, scaling_for(found.views))).all()
        assert len(set(found.ids)) == len(found.ids) == len(found.views)
        # What the cache makes of the ids.
        kept = [image_id.decode("utf-8", "surrogateescape") for image_id in encode_ids(found.ids).tolist()]
        assert kept == found.ids
        return True

    return case


def written_cache(folder: Path, backbone: str = "backbone") -> Manifest:
    """A cache of two splits."""
    values = np.random.default_rng(0).normal(size=(3, 3, 4)).astype(np.float16)
    train = write_shard(folder / "train-00000.h5", ["a", "ü", "c"], values, "f" * 64, Origin("0" * 64, ["1", "2", ""]))
    test = write_shard(folder / "test-00000.h5", ["d"], values[:1], "e" * 64)
    settings = {"seed": 0, "precision": "fp32", "batch": 32, "augmentation": {"crop_area": [0.5, 1.0]}}
    settings |= {"model": "m", "geometry": {"size": 32}, "mean": [0.5], "std": [0.5]}
    manifest = Manifest("data", backbone, "0" * 64, 4, 2, settings, {"train": [train], "test": [test]})
    manifest.write(folder)
    return manifest


def shard(place: Path) -> Case:
    """Shards, most of them listed by a manifest that was forged to fit."""
    shards = [each for of_split in written_cache(place).splits.values() for each in of_split]
    seeds = [(place / each.file).read_bytes() for each in shards]

    def case(chance: random.Random) -> bool:
        which = chance.randrange(len(shards))
        data, listed = damaged(chance, seeds[which], seeds), shards[which]
        path = place / listed.file
        path.write_bytes(data)
        if chance.random() < 0.8:
            listed = replace(listed, bytes=len(data), file_sha256=hashlib.sha256(data).hexdigest())
        unlisted = read_unlisted(path)
        assert unlisted is None or len(unlisted[0].keys) == len(unlisted[1])
        found = read_shard(path, listed)
        assert found.views.dtype == np.float16
        assert found.views.ndim == 3
        assert len(found.ids) == len(found.views) == listed.rows
        return True

    return case


def manifest(place: Path) -> Case:
    """Manifests, most of them with the fingerprint that fits, and what says which caches are a mix."""
    folder, other, mix = place / "one", place / "other", place / "one+other"
    for each in (folder, other):
        written_cache(each, each.name)
    write_mix(mix)
    paths = {folder: folder / MANIFEST_NAME, mix: mix / "mix.json"}
    values = {each: json.loads(path.read_text()) for each, path in paths.items()}
    whole = {path: path.read_bytes() for path in paths.values()}

    def forged(data: bytes) -> bytes:
        with suppress(Exception):
            value = json.loads(data)
            content = {key: item for key, item in value.items() if key != "fingerprint"}
            content["splits"] = {name: split["shards"] for name, split in content["splits"].items()}
            return json.dumps({**value, "fingerprint": sha256_of_json(content)}).encode()
        return data

    def case(chance: random.Random) -> bool:
        which = chance.choice((folder, folder, folder, mix))
        for path, data in whole.items():
            path.write_bytes(data)
        data = as_json(chance, values[which])
        paths[which].write_bytes(forged(data) if chance.random() < 0.8 else data)
        assert all("\n" not in line for line in verify(which).lines)
        found = open_features(which)
        assert isinstance(found.dim, int)
        assert isinstance(found.views, int)
        assert sum(found.splits.values()) >= 0
        assert json.dumps(found.describe())
        for split in found.splits:
            assert found.read(split).views.ndim == 3
        return True

    return case


YAML_WORDS = (
    *TEXTS,
    *map(str, NUMBERS),
    *("!!timestamp x", "!!int x", "!!int ''", "!!float x", "!!bool x", "!!binary x", "!!set {a}", "!!omap [a]"),
    *("!!pairs [a]", "!!str [a]", "!!null x", "!!python/object/apply:os.system [id]", "!x y", "2001-99-99", "1:61:61"),
    *(
        "&a [*a]",
        "*b",
        "<<: *b",
        "<<: {a: 1}",
        "<<: [1]",
        "? [a]\n: b",
        "[" * 3000,
        "{" * 3000,
        "- " * 3000,
        "'",
        '"\\x',
    ),
    *(
        "%YAML 9.9",
        "---\n",
        "...\n",
        "\t",
        ".nan",
        ".inf",
        "-.inf",
        "~",
        "null",
        "yes",
        "{}",
        "[]",
        "|\n",
        ">\n",
        "=",
        "\x85",
    ),
    *("seed: 0\n", "0b", "0x", "0o9", "1e5", "1E+400", "\n  a: b", "{a: 1, a: 2}", "[1, [2, {a: 3}]]", "1: 2"),
    "&a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
    ),
)


def parameters(place: Path) -> Case:
    path, text = place / "params.yaml", (ROOT / "params.yaml").read_text()
    value = yaml.safe_load(text)
    plain = "\n".join(line.partition("  #")[0].rstrip() for line in text.splitlines())

    def case(chance: random.Random) -> bool:
        in_json = chance.random() < 0.5
        path.write_bytes(as_json(chance, value) if in_json else as_bytes(rewritten(chance, plain, YAML_WORDS)))
        found = read_params(path)
        assert all(math.isfinite(each.balance_weight) for each in found.datasets.values())
        own = [asdict(each) for each in (settings_of(found.fit, name) for name in METHODS) if each is not None]
        shared = replace(found, fit=replace(found.fit, sections={}))
        assert json.dumps([asdict(shared), *own], allow_nan=False)
        return True

    return case


def file_list(place: Path) -> Case:
    """Lists of pictures; folders outside of the place are not walked through, or a case would take minutes."""
    below = sources.files_below

    def near(folder: Path, *more: Any) -> Any:
        inside = Path(os.path.realpath(folder)).is_relative_to(place)
        return below(folder, *more) if inside else iter([folder])

    sources.files_below = near  # type: ignore[assignment]
    (place / "folder").mkdir()
    (place / "folder" / "b.png").write_bytes(picture_seeds()[5])
    (place / "a.jpg").write_bytes(picture_seeds()[0])
    text = f"a.jpg\n# a comment\n\nfolder\r\n  a.jpg  \n~/x.png\n../x.png\n{place}/a.jpg\n/dev/null\nfolder/gone.png\n"
    path = place / "list.txt"
    words = (*TEXTS, "\n", "\r\n", "a.jpg\n", "folder\n", "/dev/zero\n", "/dev/tty\n", "*\n", "x/" * 3000, "list.txt\n")

    def case(chance: random.Random) -> bool:
        data = as_bytes(rewritten(chance, text, words))
        path.write_bytes(damaged(chance, data) if chance.random() < 0.3 else data)
        found = sources.find_files([str(path)], place / "out")
        assert found.root.is_absolute()
        assert len(examine(found.root, found.paths, "new")) == len(found.paths)
        return True

    return case


def head(place: Path) -> Case:
    """Saved heads of three kinds."""
    chance_of_weights = torch.Generator().manual_seed(0)
    module = Head(4, (3, 3, 3, 3), 3)
    for parameter in module.parameters():
        parameter.data.normal_(generator=chance_of_weights)
    path, part = place / "head.safetensors", {"backbone": "embeddings", "weights_sha256": "0", "dim": 4}
    about = {"parts": [part | {"scaling": {"scale": [1.0, 2.0, 1e30, 1e-30], "centre": [0.0, 1.0, -1.0, 0.5]}}]}
    seeds = []
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    components = Components.of(rows, 2)
    known = components.project(rows).astype(np.float16)
    models: dict[str, Any] = {
        "scp": HeadModel(module),
        "kmeans": Centroids(np.eye(3, 4, dtype=np.float32)),
        "agglomerative": Labelled(components, known, np.arange(6, dtype=np.int32) % 3, 3, 2),
    }
    for method, model in models.items():
        save_model(path, SavedModel(method, model, about))
        seeds.append(path.read_bytes())

    def case(chance: random.Random) -> bool:
        seed = chance.choice(seeds)
        data = with_other_header(chance, seed, "pipeline") if chance.random() < 0.7 else damaged(chance, seed, seeds)
        path.write_bytes(data)
        found = load_model(path, METHODS)
        dim = sum(part["dim"] for part in found.embedding["parts"])
        assert all(
            rounded(np.ones((2, each["dim"])), recorded(each, each["dim"])).ndim == 2
            for each in found.embedding["parts"]
        )
        logits = found.model.logits(np.ones((2, dim), np.float32))
        confidences = found.model.confidences(logits)
        assert logits.shape == confidences.shape
        assert len(logits) == 2
        assert not ((confidences < 0) | (confidences > 1 + 1e-6)).any()  # None where numbers overflow.
        return True

    return case


CSV_WORDS = (
    *TEXTS,
    *map(str, NUMBERS),
    ",",
    '"',
    "\n",
    "\r\n",
    "\r",
    '""',
    ",,,,",
    '"a\nb"',
    "nan",
    "inf",
    "-0",
    "0x1",
)


def tables(place: Path) -> Case:
    """The image list, and what a fit leaves."""
    write_list(place, [ImageRecord(f"train-{row}", "train", "train.npy", row, "0f") for row in range(4)])
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    names = [f"a/{row}.jpg" for row in range(4)]
    write_predictions(place, names, ["train"] * 4, logits, np.abs(logits) % 1, np.zeros((4, 2), int))
    reads: dict[str, Callable[[], Any]] = {
        listing.LIST_NAME: lambda: listing.read_list(place),
        "assignments.csv": lambda: read_assignments(place),
        "runs.csv": lambda: read_runs(place),
    }
    whole = {name: (place / name).read_text() for name in reads}

    def case(chance: random.Random) -> bool:
        name = chance.choice(list(reads))
        data = as_bytes(rewritten(chance, whole[name], CSV_WORDS))
        (place / name).write_bytes(damaged(chance, data) if chance.random() < 0.2 else data)
        found = reads[name]()
        if name == listing.LIST_NAME:
            assert all(record.index is None or record.index >= 0 for record in found)
        elif name == "runs.csv":
            assert found.ndim == 2
        else:
            assert len(found.ids) == len(found.clusters) == len(found.confidences)
            assert np.isfinite(found.confidences).all()
        return True

    return case


def result(place: Path) -> Case:
    """A result of `pipeline cluster`: what `export` reads of it."""
    collection = Collection(place / "made")
    pictures = place / "pictures"
    names = ["a.jpg", "b/c.jpg", "b/d.jpg"]
    for name in names:
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        (pictures / name).write_bytes(b"")
    write_list(collection.images, [ImageRecord(name, "train", str(pictures / name), None, "0f") for name in names])
    rows = [(name, row % 2, "0.9", 1 - row % 2, "0.1") for row, name in enumerate(names)]
    write_table(collection.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    near = np.array([[1], [2], [0]])
    layout = Layout(np.zeros((3, 2)), near, np.zeros((3, 1)), np.full(3, -1))
    collection.layout.write_bytes(save(asdict(layout), metadata={"made_from": "0"}))
    paths = (collection.images / listing.LIST_NAME, collection.assignments.with_suffix(".csv"), collection.layout)
    whole = {path: path.read_bytes() for path in paths}
    target = place / "sorted"

    def case(chance: random.Random) -> bool:
        for path, data in whole.items():
            path.write_bytes(data)
        path = chance.choice(paths)
        if path == collection.layout:
            data = with_other_header(chance, whole[path]) if chance.random() < 0.7 else damaged(chance, whole[path])
        else:
            data = as_bytes(rewritten(chance, whole[path].decode(), CSV_WORDS))
        path.write_bytes(data)
        steps = export.plan(collection, target, "copy").steps
        assert all(step.target.is_relative_to(target) and ".." not in step.target.parts for step in steps)
        read = exchange.read(collection)
        out = place / "table.csv"
        out.unlink(missing_ok=True)
        exchange.to_csv(read, out)
        exchange.to_parquet(read, place / "table.parquet")
        return True

    return case


def corrections(place: Path) -> Case:
    """What people corrected, beside the head and in a result, and the pictures of the last run."""
    digests = [f"{row:032x}" for row in range(3)]
    pictures = [{"path": f"{row}.jpg", "digest": digest} for row, digest in enumerate(digests)]
    actions: tuple[Action, ...] = (
        {"do": "name", "cluster": 0, "name": "Food"},
        {"do": "move", "pictures": pictures[:1], "to": 5},
        {"do": "split", "cluster": 1, "parts": [{"cluster": 6, "pictures": pictures[1:2]}]},
        {"do": "merge", "clusters": [2, 6], "into": 2},
        {"do": "aside", "pictures": pictures[2:]},
        {"do": "restore", "pictures": pictures[2:]},
        {"do": "together", "pictures": pictures[:2]},
        {"do": "apart", "pictures": pictures[1:]},
        {"do": "not", "pictures": pictures[:1], "clusters": [0, 1]},
    )
    means = {2: {6: np.eye(4, dtype=np.float32)[0]}}
    write_rules(place, Rules(Numbers("0" * 12, (0, 1, 2), 9, {0: "Food"}), actions, means))
    last = place / "last.csv"
    write_pictures(last, Pictures([f"{row}.jpg" for row in range(3)], digests, np.arange(3)))
    paths = (last, *(place / name for name in (EDITS, PARTS, CLUSTERS)))
    whole = {path: path.read_bytes() for path in paths}

    def forged(chance: random.Random, path: Path) -> bytes:
        data = whole[path]
        if path == last:
            return as_bytes(rewritten(chance, data.decode(), CSV_WORDS))
        if path.name != PARTS:
            return as_json(chance, json.loads(data))
        return with_other_header(chance, data, "order")

    def case(chance: random.Random) -> bool:
        for path, data in whole.items():
            path.write_bytes(data)
        path = chance.choice(paths)
        path.write_bytes(forged(chance, path) if chance.random() < 0.8 else damaged(chance, whole[path]))
        rules, before = read_rules(place, 3, 4), read_pictures(last)
        assert rules.resolve(np.arange(3), np.eye(3, 4), digests).shape == (3,)
        assert before is not None
        applied = applied_to(before, read_edits(place / EDITS).actions)
        assert len(applied.clusters) == len(before.paths) == len(common(before, before))
        return True

    return case


def with_other_header(chance: random.Random, data: bytes, inner: str = "") -> bytes:
    """A safetensors file with another header, or another value in the JSON that its metadata has as `inner`."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if inner and chance.random() < 0.5:
        value = json.loads(header["__metadata__"][inner])
        header["__metadata__"][inner] = as_json(chance, value).decode("utf-8", "replace")
    else:
        header = changed(chance, header)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def idx(place: Path) -> Case:
    """The gzipped arrays of MNIST's format."""
    path = place / "some.gz"
    seeds = [b"\0\0\x08\1" + struct.pack(">I", 4) + bytes(4), b"\0\0\x08\3" + struct.pack(">III", 2, 3, 3) + bytes(18)]
    packed = [gzip.compress(each) for each in seeds]

    def case(chance: random.Random) -> bool:
        if chance.random() < 0.6:
            path.write_bytes(gzip.compress(damaged(chance, chance.choice(seeds), seeds), 1))
        else:
            path.write_bytes(damaged(chance, chance.choice(packed), packed))
        assert read_idx(path).dtype == np.uint8
        return True

    return case


READERS: dict[str, Callable[[Path], Case]] = {
    "picture": picture,
    "metadata": metadata,
    "array": array,
    "shard": shard,
    "manifest": manifest,
    "params.yaml": parameters,
    "list": file_list,
    "npy": npy,
    "h5": h5,
    "parquet": parquet,
    "npz": npz,
    "scales": scales,
    "head": head,
    "tables": tables,
    "result": result,
    "corrections": corrections,
    "idx": idx,
}


# Running them.


def prepared(name: str) -> tuple[Case, Path]:
    """A reader in a folder of its own, in memory where there is such a place."""
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(prefix="fuzzing-", dir=memory if os.access(memory, os.W_OK) else None)).resolve()
    torch.set_num_threads(1)
    # As the command line has it, but that warnings count as errors.
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module=r"PIL\.")
    # HDF5's files are tiny here; what takes half a second takes for ever.
    hdf5.PATIENCE = 0.5
    return READERS[name](place), place


def outcome(case: Case, name: str, number: int) -> bool:
    """Runs a case: whether its file was accepted.

    Raises:
        Exception: whatever is a finding.
    """
    try:
        return case(random.Random(f"{name} {number}"))
    except PipelineError as error:
        text = str(error)
        assert text.strip(), "a refusal without a word"
        assert len(text.splitlines()) == 1, f"a refusal of several lines: {text[:200]!r}"
        assert len(text) < 2000, f"a refusal of {len(text)} characters: {text[:200]!r}"
        return False


def _work(name: str, numbers: range, shared: mmap.mmap, report: int) -> None:
    """Runs cases in a process of its own, which dies of any that takes too long."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    case, place = prepared(name)
    accepted = refused = 0
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for sign in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(sign, signal.SIG_DFL)
    for number in numbers:
        shared[:24] = struct.pack("<qqq", number, accepted, refused)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, 30 * SECONDS)
        try:
            if outcome(case, name, number):
                accepted += 1
            else:
                refused += 1
        except Exception as error:
            line = f"{name} {number}: {type(error).__name__}: {' '.join(str(error).split())[:300]}\n"
            os.write(report, line.encode("utf-8", "backslashreplace"))
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if most > grown + MEGABYTES * 1024:
            os.write(report, f"{name} {number}: took {(most - grown) // 1024:,} MB\n".encode())
        grown = max(grown, most)
    for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
        signal.setitimer(timer, 0)
    shared[:24] = struct.pack("<qqq", numbers.stop, accepted, refused)
    shutil.rmtree(place)


def run(name: str, cases: int) -> tuple[int, int, list[str]]:
    """Runs a reader's first cases: how many were accepted and refused, and the findings."""
    accepted = refused = start = 0
    with tempfile.TemporaryFile() as report, mmap.mmap(-1, 24) as shared:
        while start < cases:
            shared[:24] = struct.pack("<qqq", start, 0, 0)
            child = os.fork()
            if not child:
                code = 1
                try:
                    _work(name, range(start, cases), shared, report.fileno())
                    code = 0
                except BaseException as error:
                    os.write(report.fileno(), f"{name}: {error!r}\n".encode("utf-8", "backslashreplace"))
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
            number, well, ill = struct.unpack("<qqq", shared[:24])
            accepted, refused, start = accepted + well, refused + ill, number + 1
            if os.WIFSIGNALED(status):
                how = signal.Signals(os.WTERMSIG(status)).name
                what = f"took {SECONDS:.0f} s" if how in ("SIGPROF", "SIGALRM") else f"died of {how}"
                os.write(report.fileno(), f"{name} {number}: {what}\n".encode())
            elif status:
                break
        report.seek(0)
        return accepted, refused, report.read().decode().splitlines()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Damaged and forged files for every reader.")
    parser.add_argument("readers", nargs="*", metavar="reader", help=f"of {', '.join(READERS)}; default: all")
    parser.add_argument("--cases", type=int, default=CASES, help="of each reader")
    parser.add_argument("--case", type=int, help="run this one again, in this process")
    given = parser.parse_args(arguments)
    names = given.readers or list(READERS)
    if unknown := set(names) - set(READERS):
        parser.error(f"no such reader: {', '.join(sorted(unknown))}")
    if given.case is not None:
        for name in names:
            case, place = prepared(name)
            print(f"{name} {given.case}, in {place}", flush=True)
            print("accepted" if outcome(case, name, given.case) else "refused")
        return 0
    libraries = ("numpy", "pillow", "h5py", "pyarrow", "pyyaml", "safetensors", "torch")
    print(f"Python {platform.python_version()}, HDF5 {h5py.version.hdf5_version},", end=" ")
    print(", ".join(f"{library} {version(library)}" for library in libraries), end="\n\n")
    print(f"{'reader':12} {'cases':>8} {'accepted':>9} {'refused':>8} {'findings':>9} {'seconds':>8}", flush=True)
    findings: list[str] = []
    for name in names:
        begin = time.monotonic()
        accepted, refused, found = run(name, given.cases)
        seconds = time.monotonic() - begin
        print(f"{name:12} {given.cases:8} {accepted:9} {refused:8} {len(found):9} {seconds:8.0f}", flush=True)
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        findings += found
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
