"""The feature cache: a folder of HDF5 shards and a manifest.

A shard holds `embeddings`, float16 (rows, 1 + views, dim) with the clean view at index 0, and `ids`, the image ids as
UTF-8. It carries the fingerprint of everything that made it and a digest of its content, so it can be trusted or
refused on its own. The manifest is written last: where it stands, the cache is whole. It has the SHA-256 of every
shard's file, so that no bit of a file can change unseen, HDF5's own bytes and its padding included.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import (
    is_remote,
    json_text,
    read_json,
    sha256_of_file,
    sha256_of_json,
    write_bytes,
    write_text,
    written_whole,
)
from pipeline.base.text import quoted
from pipeline.config.paths import extract_command
from pipeline.features import hdf5

SCHEMA_VERSION = 1
"""Of a shard; it is part of every shard's fingerprint."""
MANIFEST_VERSION = 2
MANIFEST_NAME = "manifest.json"
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
    """Digest of ids and embeddings, see `content_digest`."""
    bytes: int
    """Size of the file."""
    file_sha256: str


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
    """Image ids as a fixed-width array of UTF-8 bytes."""
    return np.array([image_id.encode("utf-8", "surrogateescape") for image_id in ids], dtype=np.bytes_)


def content_digest(ids: np.ndarray, embeddings: np.ndarray) -> str:
    """SHA-256 over the shapes and bytes of a shard's ids and embeddings."""
    digest = hashlib.sha256(f"{ids.dtype.str}{ids.shape}{embeddings.dtype.str}{embeddings.shape}".encode())
    digest.update(np.ascontiguousarray(ids).data.cast("B"))
    digest.update(np.ascontiguousarray(embeddings).data.cast("B"))
    return digest.hexdigest()


def write_shard(path: Path, ids: Sequence[str], embeddings: np.ndarray, fingerprint: str) -> Shard:
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
    digest = content_digest(encoded, values)
    data = _to_bytes(fingerprint, digest, encoded, values)
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
        data = _bytes_of(path)
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


def _bytes_of(path: Path) -> np.ndarray:
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
    path: Path, ids: Sequence[str], shape: tuple[int, int, int], fingerprint: str, listed: Shard | None = None
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
    blank = _to_bytes(fingerprint, "0" * 64, encoded, np.zeros(shape, DTYPE))
    if len(data) != len(blank):
        return None
    with _opened(blank) as file:
        values = np.frombuffer(data, DTYPE, np.prod(shape), file["embeddings"].id.get_offset()).reshape(shape)
    digest = content_digest(encoded, values)
    whole = _to_bytes(fingerprint, digest, encoded, values)
    if data != whole:
        for mark in (fingerprint.encode(), digest.encode()):
            place = whole.index(mark)
            if data[place : place + len(mark)] != mark:
                return None
        _write(path, whole)
    return _listed(path, len(ids), fingerprint, digest, whole)


def _to_bytes(fingerprint: str, digest: str, ids: np.ndarray, embeddings: np.ndarray) -> bytes:
    """A shard's file; the same content gives the same bytes.

    Contiguous and uncompressed: embeddings hardly compress, and rows can then be read or mapped one by one.
    """
    # In memory, without a file: the disk then has one plain write to do, whose errors are Python's. HDF5 tells such
    # files apart by their names alone, which are not in the bytes, and each GPU's thread may be making one.
    with h5py.File(f"shard-{next(_NUMBERS)}", "w", driver="core", backing_store=False) as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs["fingerprint"] = fingerprint
        file.attrs["sha256"] = digest
        file.create_dataset("ids", data=ids.astype(h5py.string_dtype("utf-8", ids.dtype.itemsize)), track_times=False)
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


@dataclass(frozen=True)
class Manifest:
    """What a cache holds and what it was made with."""

    dataset: str
    backbone: str
    weights_sha256: str
    dim: int
    views: int
    """Augmented views an image, beside the clean one."""
    settings: dict[str, Any]
    """Everything else that decides the embeddings: geometry, augmentation, seed, precision."""
    splits: dict[str, list[Shard]]
    dtype: str = "float16"
    schema_version: int = MANIFEST_VERSION

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the content, the pictures included (through the shards' fingerprints)."""
        return sha256_of_json(asdict(self))

    def write(self, folder: Path) -> None:
        """Writes the manifest, whole or not at all; one that says just this stays as it is."""
        value = {"schema_version": self.schema_version, "fingerprint": self.fingerprint, **asdict(self)}
        value["splits"] = {
            name: {"rows": sum(shard.rows for shard in shards), "shards": [asdict(shard) for shard in shards]}
            for name, shards in self.splits.items()
        }
        path, text = folder / MANIFEST_NAME, json_text(value)
        if not path.is_file() or path.read_bytes() != text.encode():
            write_text(path, text)


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a cache.

    Raises:
        PipelineError: if the cache is missing or unfinished, of another schema version, or its manifest is damaged.
    """
    path = folder / MANIFEST_NAME
    command = extract_command(folder)
    again = f"run '{command}'"
    if not path.is_file():
        raise PipelineError(f"{folder}: there is no finished feature cache here; {again}")
    value = read_json(path, command)
    try:
        if value["schema_version"] != MANIFEST_VERSION:
            raise PipelineError(
                f"{path}: expected schema version {MANIFEST_VERSION}, found {quoted(value['schema_version'])}; "
                f"{again}, which writes it anew and keeps the shards that are whole"
            )
        recorded = value.pop("fingerprint")
        value["splits"] = {
            name: [Shard(**shard) for shard in split["shards"]] for name, split in value["splits"].items()
        }
        manifest = Manifest(**value)
        _check_types(manifest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise PipelineError(f"{path}: not the manifest of a feature cache ({error!r}); {again}") from None
    if manifest.fingerprint != recorded:
        raise PipelineError(f"{path}: edited or damaged: its fingerprint does not fit its content; {again}")
    return manifest


def _check_types(manifest: Manifest) -> None:
    """Refuses what no `Manifest.write` has written, whatever its fingerprint.

    Raises:
        ValueError: naming the first entry that does not fit.
    """
    _check_plain("manifest", manifest, ("dataset", "backbone", "weights_sha256"), ("dim", "views"))
    for name, shard in ((name, shard) for name, members in manifest.splits.items() for shard in members):
        # A shard lies in its cache, and nowhere else on the disk.
        name_alone = isinstance(shard.file, str) and Path(shard.file).name == shard.file not in ("", "..")
        if not name_alone or "\0" in shard.file:
            raise ValueError(f"{name}: expected the name of a file in this folder, found {quoted(shard.file)}")
        _check_plain(name, shard, ("fingerprint", "sha256", "file_sha256"), ("rows", "bytes"))
    if not isinstance(manifest.settings, dict) or manifest.dtype != "float16" or not all(manifest.splits.values()):
        raise ValueError("expected settings, float16 and a shard for each split")


def _check_plain(where: str, value: Manifest | Shard, texts: Sequence[str], counts: Sequence[str]) -> None:
    for key in texts:
        if not isinstance(getattr(value, key), str):
            raise ValueError(f"{where}, {key}: expected a text, found {quoted(getattr(value, key))}")
    for key in counts:
        count = getattr(value, key)
        if type(count) is not int or not 0 <= count < 2**53:
            raise ValueError(f"{where}, {key}: expected a whole number, found {quoted(count)}")


def listed_shards(folder: Path) -> dict[str, Shard]:
    """The shards that the manifest of a folder lists, by their files; none where there is no sound manifest."""
    try:
        splits = read_manifest(folder).splits
    except PipelineError:
        return {}
    return {shard.file: shard for shards in splits.values() for shard in shards}


def read_split(folder: Path, manifest: Manifest, split: str) -> Embeddings:
    """Reads every shard of a split, checked, into memory.

    Raises:
        PipelineError: if there is no such split, or a shard is missing, foreign or damaged.
    """
    if split not in manifest.splits:
        raise PipelineError(f"{folder}: there is no split '{split}'; found: {', '.join(manifest.splits)}")
    shards, ids = manifest.splits[split], list[str]()
    for shard in shards:
        path = folder / shard.file
        # Before memory is taken for it; where the file is gone or too short, reading it says so.
        if _size(path) == shard.bytes < shard.rows * (1 + manifest.views) * manifest.dim * DTYPE.itemsize:
            raise PipelineError(
                f"{path}: expected {shard.rows:,} x {1 + manifest.views} embeddings of {manifest.dim:,} numbers, found "
                f"{shard.bytes:,} bytes, too few for them; run '{extract_command(folder)}'"
            )
        if _size(path) != shard.bytes:
            read_shard(path, shard)
    # Filled shard by shard: joined at the end, all of it would be in memory twice.
    views = np.empty((sum(shard.rows for shard in shards), 1 + manifest.views, manifest.dim), DTYPE)
    for shard in shards:
        part = read_listed(folder, manifest, shard)
        views[len(ids) : len(ids) + shard.rows] = part.views
        ids += part.ids
    return Embeddings(ids, views)


def read_listed(folder: Path, manifest: Manifest, shard: Shard) -> Embeddings:
    """Reads a shard that a manifest lists, checked.

    Raises:
        PipelineError: if it is missing, foreign or damaged.
    """
    part = read_shard(folder / shard.file, shard)
    expected = (shard.rows, 1 + manifest.views, manifest.dim)
    if part.views.shape != expected:
        raise PipelineError(
            f"{folder / shard.file}: expected embeddings of shape {expected}, found {part.views.shape}; "
            f"run '{extract_command(folder)}'"
        )
    return part


def _size(path: Path) -> int | None:
    """The bytes of a file, here or in a store; None where there is none, or can be none, as under a name too long."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def check_shards(folder: Path, manifest: Manifest, full: bool) -> None:
    """Looks whether all shards are there with the size that they must have or, in full, reads them, one at a time.

    Raises:
        PipelineError: naming the first that is missing, truncated or, in full, foreign or damaged.
    """
    for shard in (shard for shards in manifest.splits.values() for shard in shards):
        path = folder / shard.file
        if full or _size(path) != shard.bytes:
            read_shard(path, shard)
