"""The feature cache: a folder of HDF5 shards and a manifest.

A shard holds `embeddings`, float16 (rows, 1 + views, dim) with the clean view at index 0, and `ids`, the image ids as
UTF-8. It carries the fingerprint of everything that made it and a digest of its content, so it can be trusted or
refused on its own. The manifest is written last: where it stands, the cache is whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import read_json, sha256_of_json, write_json, written_whole
from pipeline.paths import extract_command

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
DTYPE = np.dtype("<f2")


@dataclass(frozen=True)
class Shard:
    """A shard as the manifest lists it."""

    file: str
    rows: int
    fingerprint: str
    sha256: str
    """Digest of ids and embeddings, see `content_digest`."""


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

    Contiguous and uncompressed: embeddings hardly compress, and rows can then be read or mapped one by one.

    Raises:
        PipelineError: if an embedding is not finite in float16, or what the disk gives back differs.
    """
    values = np.ascontiguousarray(embeddings, dtype=DTYPE)
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values).all(axis=(1, 2)))[0, 0])
        raise PipelineError(
            f"{path}: the embedding of image '{ids[row]}' is not finite in float16; "
            "the backbone's weights or precision do not suit, try extract.precision: fp32"
        )
    encoded = encode_ids(ids)
    digest = content_digest(encoded, values)
    with written_whole(path) as aside:
        with h5py.File(aside, "w") as file:
            file.attrs["schema_version"] = SCHEMA_VERSION
            file.attrs["fingerprint"] = fingerprint
            file.attrs["sha256"] = digest
            text = h5py.string_dtype("utf-8", encoded.dtype.itemsize)
            file.create_dataset("ids", data=encoded.astype(text), track_times=False)
            file.create_dataset("embeddings", data=values, track_times=False)
        read_shard(aside, Shard(path.name, len(values), fingerprint, digest))
    return Shard(path.name, len(values), fingerprint, digest)


def read_shard(path: Path, expected: Shard) -> Embeddings:
    """Reads a shard and checks it against what the manifest or the caller expects, to the last byte.

    Raises:
        PipelineError: if the file is missing, truncated, no shard, of another schema version, made with other
            parameters, or damaged.
    """
    fault = f"{path}: %s; run '{extract_command(path.parent)}', which makes this shard again and keeps the others"
    try:
        with h5py.File(path, "r") as file:
            if "embeddings" not in file or "ids" not in file or "schema_version" not in file.attrs:
                raise PipelineError(fault % "an HDF5 file, but not a shard of a feature cache")
            if int(file.attrs["schema_version"]) != SCHEMA_VERSION:
                raise PipelineError(
                    fault % f"expected schema version {SCHEMA_VERSION}, found {int(file.attrs['schema_version'])}"
                )
            if file.attrs["fingerprint"] != expected.fingerprint:
                raise PipelineError(fault % "made with other parameters, weights or pictures")
            ids, embeddings = file["ids"][()], file["embeddings"][()]
    except FileNotFoundError:
        raise PipelineError(fault % "the shard is missing") from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise PipelineError(fault % f"truncated, or not an HDF5 file ({str(error).splitlines()[0]})") from None
    if len(embeddings) != expected.rows or content_digest(ids, embeddings) != expected.sha256:
        raise PipelineError(fault % "damaged: its content does not have the recorded digest")
    return Embeddings([image_id.decode("utf-8", "surrogateescape") for image_id in ids.tolist()], embeddings)


def reusable_shard(path: Path, fingerprint: str, rows: int) -> Shard | None:
    """The shard at a path if it is whole and has this fingerprint, else None."""
    try:
        with h5py.File(path, "r") as file:
            digest = str(file.attrs["sha256"])
        shard = Shard(path.name, rows, fingerprint, digest)
        read_shard(path, shard)
    except (PipelineError, OSError, RuntimeError, KeyError):
        return None
    return shard


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
    schema_version: int = SCHEMA_VERSION

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the content, the pictures included (through the shards' fingerprints)."""
        return sha256_of_json(asdict(self))

    def write(self, folder: Path) -> None:
        """Writes the manifest, whole or not at all."""
        value = {"schema_version": self.schema_version, "fingerprint": self.fingerprint, **asdict(self)}
        value["splits"] = {
            name: {"rows": sum(shard.rows for shard in shards), "shards": [asdict(shard) for shard in shards]}
            for name, shards in self.splits.items()
        }
        write_json(folder / MANIFEST_NAME, value)


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
        if value["schema_version"] != SCHEMA_VERSION:
            raise PipelineError(
                f"{path}: expected schema version {SCHEMA_VERSION}, found {value['schema_version']!r}; {again}"
            )
        recorded = value.pop("fingerprint")
        value["splits"] = {
            name: [Shard(**shard) for shard in split["shards"]] for name, split in value["splits"].items()
        }
        manifest = Manifest(**value)
    except (KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{path}: not the manifest of a feature cache ({error!r}); {again}") from None
    if manifest.fingerprint != recorded:
        raise PipelineError(f"{path}: edited or damaged: its fingerprint does not fit its content; {again}")
    return manifest


def read_split(folder: Path, manifest: Manifest, split: str) -> Embeddings:
    """Reads every shard of a split, checked, into memory.

    Raises:
        PipelineError: if there is no such split, or a shard is missing, foreign or damaged.
    """
    if split not in manifest.splits:
        raise PipelineError(f"{folder}: there is no split '{split}'; found: {', '.join(manifest.splits)}")
    parts = list(_read_shards(folder, manifest.splits[split]))
    ids = [image_id for part in parts for image_id in part.ids]
    return Embeddings(ids, np.concatenate([part.views for part in parts]))


def _read_shards(folder: Path, shards: Sequence[Shard]) -> Iterator[Embeddings]:
    for shard in shards:
        yield read_shard(folder / shard.file, shard)
