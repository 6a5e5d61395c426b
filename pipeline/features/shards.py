"""A shard of the feature cache: an HDF5 file that is written whole or not at all, and read only if it is whole.

A shard holds `embeddings`, float16 (rows, 1 + views, dim) with the clean view at index 0, and `ids`, the image ids as
UTF-8. It carries the fingerprint of everything that made it and a digest of its content, so it can be trusted or
refused on its own. By its `keys` and its recipe, see `Origin`, an embedding is found again in whatever shard it stands.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote, sha256_of_file, write_bytes, written_whole
from pipeline.config.paths import extract_command
from pipeline.features import hdf5

SCHEMA_VERSION = 2
"""Of a shard; it is part of every recipe, and so of every shard's fingerprint."""
SUFFIXES = (".h5", ".tmp")
"""Of the files that a run leaves in a cache: shards, and what was not yet one when it was killed."""
DTYPE = np.dtype("<f2")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""What an HDF5 file begins with."""
_NUMBERS = itertools.count()
"""Of the HDF5 files that this process makes in memory."""


@dataclass(frozen=True)
class Shard:
    """A shard as the manifest lists it."""

    file: str
    rows: int
    fingerprint: str
    sha256: str
    """Digest of ids, keys and embeddings, see `content_digest`."""
    bytes: int
    """Size of the file."""
    file_sha256: str


@dataclass(frozen=True)
class Origin:
    """What decides the embeddings of a shard, picture by picture: with it they are the same in any other."""

    recipe: str
    """Digest of what decides every embedding but the picture and the number of its views."""
    keys: Sequence[str]
    """What each picture is by its content, whatever it is called; empty where that is not known."""


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of one split, rows in the order of the image list."""

    ids: list[str]
    views: np.ndarray
    """float16 (rows, 1 + views, dim); index 0 is the clean view."""

    @property
    def clean(self) -> np.ndarray:
        """The clean embeddings, float32 (rows, dim)."""
        return self.views[:, 0].astype(np.float32)


def encode_ids(ids: Sequence[str]) -> np.ndarray:
    """Image ids, or keys, as a fixed-width array of UTF-8 bytes."""
    return np.array([image_id.encode("utf-8", "surrogateescape") for image_id in ids], dtype=np.bytes_)


def content_digest(ids: np.ndarray, embeddings: np.ndarray, origin: Origin | None) -> str:
    """SHA-256 over the shapes and bytes of a shard's ids and embeddings, and its origin."""
    digest = hashlib.sha256(origin.recipe.encode() if origin else b"")
    for array in (ids, embeddings, *([encode_ids(origin.keys)] if origin else [])):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def write_shard(
    path: Path, ids: Sequence[str], embeddings: np.ndarray, fingerprint: str, origin: Origin | None = None
) -> Shard:
    """Writes a shard so that it is there whole or not at all, and reads it back before it counts.

    In an object store it is not read back: the store itself refuses what arrives damaged.

    Raises:
        PipelineError: if an embedding is not finite in float16, or what the disk gives back differs.
    """
    values = np.ascontiguousarray(embeddings, dtype=DTYPE)
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values).all(axis=(1, 2)))[0, 0])
        raise PipelineError(
            f"{path}: the embedding of image '{ids[row]}' is not finite in float16; "
            "the backbone's weights or precision do not suit, try fp32 for extract.precision"
        )
    encoded = encode_ids(ids)
    digest = content_digest(encoded, values, origin)
    data = _to_bytes(fingerprint, digest, encoded, values, origin)
    _write(path, data)
    return _listed(path, len(values), fingerprint, digest, data)


def read_shard(path: Path, expected: Shard) -> Embeddings:
    """Reads a shard whose file is, to the last bit, the one that the manifest lists.

    Its SHA-256 is found right before HDF5 opens it, see `reusable_shard`.

    Raises:
        PipelineError: if the file is missing, truncated, no shard, of another schema version, made with other
            parameters, or damaged.
    """
    fault = f"{path}: %s; run '{extract_command(path.parent)}', which makes this shard again and keeps the others"
    try:
        data = bytes_of(path)
    except FileNotFoundError:
        raise PipelineError(fault % "the shard is missing") from None
    except OSError as error:
        raise PipelineError(fault % f"cannot be read ({error.strerror})") from None
    if (len(data), hashlib.sha256(data.data).hexdigest()) != (expected.bytes, expected.file_sha256):
        raise PipelineError(fault % _difference(data.tobytes(), expected))
    # From here on something is wrong only where a manifest lists a file that this program has not written.
    try:
        found = hdf5.read(data.data, ("embeddings",), ("ids",))
    except ValueError as error:
        raise PipelineError(fault % f"not a shard of a feature cache ({error})") from None
    version, values, ids = found.attributes.get("schema_version"), found.values, found.ids
    if version is not None and version != SCHEMA_VERSION:
        raise PipelineError(fault % f"expected schema version {SCHEMA_VERSION}, found {version}")
    if version is None or values is None or ids is None or values.dtype != DTYPE or values.ndim != 3:
        raise PipelineError(fault % "not a shard of a feature cache (a part of it is missing or of another type)")
    if found.attributes.get("fingerprint") != expected.fingerprint or not len(values) == len(ids) == expected.rows:
        raise PipelineError(fault % "made with other parameters, weights or pictures")
    return Embeddings(ids, values)


def bytes_of(path: Path) -> np.ndarray:
    """A file's bytes, uint8, once in memory where it lies on this machine."""
    return np.frombuffer(bytearray(path.read_bytes()), np.uint8) if is_remote(path) else np.fromfile(path, np.uint8)


def _difference(data: bytes, expected: Shard) -> str:
    """What is wrong with a shard's bytes, as far as can be said without opening them as HDF5."""
    if not data.startswith(SIGNATURE):
        return "not an HDF5 file, or its first bytes are damaged"
    if len(data) < expected.bytes:
        return f"truncated: expected {expected.bytes:,} bytes, found {len(data):,}"
    if expected.fingerprint.encode() not in data:
        return "made with other parameters, weights or pictures"
    return f"damaged: expected the SHA-256 {expected.file_sha256[:12]}..., found another"


def reusable_shard(
    path: Path,
    ids: Sequence[str],
    shape: tuple[int, int, int],
    fingerprint: str,
    listed: Shard | None = None,
    origin: Origin | None = None,
) -> Shard | None:
    """The shard at a path if its content is whole and has this fingerprint, else None.

    The shards of a killed run stand in no manifest, so none says what their bytes should be. They are then made again
    from the embeddings in the file and all else that is known. Where only HDF5's own bytes or padding have changed, the
    file is written anew and nothing needs to be computed. HDF5 never opens the file: a single flipped bit in one can
    crash the process.

    Args:
        path: the shard.
        ids: of the images that it must hold.
        shape: what its embeddings must have: rows, 1 + views, dim.
        fingerprint: what it must have been made with.
        listed: the shard as a manifest lists it, if one does.
        origin: what must stand in it of that.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if listed is not None and (listed.fingerprint, listed.rows, listed.file_sha256) == (
        fingerprint,
        len(ids),
        hashlib.sha256(data).hexdigest(),
    ):
        return listed
    encoded = encode_ids(ids)
    blank = _to_bytes(fingerprint, "0" * 64, encoded, np.zeros(shape, DTYPE), origin)
    if len(data) != len(blank):
        return None
    with _opened(blank) as file:
        values = np.frombuffer(data, DTYPE, np.prod(shape), file["embeddings"].id.get_offset()).reshape(shape)
    digest = content_digest(encoded, values, origin)
    whole = _to_bytes(fingerprint, digest, encoded, values, origin)
    if data != whole:
        for mark in (fingerprint.encode(), digest.encode()):
            place = whole.index(mark)
            if data[place : place + len(mark)] != mark:
                return None
        _write(path, whole)
    return _listed(path, len(ids), fingerprint, digest, whole)


def _to_bytes(fingerprint: str, digest: str, ids: np.ndarray, embeddings: np.ndarray, origin: Origin | None) -> bytes:
    """A shard's file; the same content gives the same bytes.

    Contiguous and uncompressed: embeddings hardly compress, and rows can then be read or mapped one by one.
    """
    # In memory, without a file: the disk then has one plain write to do, whose errors are Python's. HDF5 tells such
    # files apart by their names alone, which are not in the bytes, and each GPU's thread may be making one.
    with h5py.File(f"shard-{next(_NUMBERS)}", "w", driver="core", backing_store=False) as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs["fingerprint"] = fingerprint
        file.attrs["sha256"] = digest
        texts = {"ids": ids}
        if origin is not None:
            file.attrs["recipe"] = origin.recipe
            texts["keys"] = encode_ids(origin.keys)
        for name, array in texts.items():
            kind = h5py.string_dtype("utf-8", array.dtype.itemsize)
            file.create_dataset(name, data=array.astype(kind), track_times=False)
        file.create_dataset("embeddings", data=embeddings, track_times=False)
        file.flush()
        data: bytes = file.id.get_file_image()
    return data


def _opened(data: bytes) -> h5py.File:
    """An HDF5 file that is in memory already."""
    return h5py.File(h5py.h5f.open_file_image(data))


def _write(path: Path, data: bytes) -> None:
    if is_remote(path):
        write_bytes(path, data)
        return
    with written_whole(path) as aside:
        aside.write_bytes(data)
        if sha256_of_file(aside) != hashlib.sha256(data).hexdigest():
            raise PipelineError(f"{path}: expected the bytes that were written, found others; check the disk")


def _listed(path: Path, rows: int, fingerprint: str, digest: str, data: bytes) -> Shard:
    return Shard(path.name, rows, fingerprint, digest, len(data), hashlib.sha256(data).hexdigest())
