"""The manifest of a feature cache: which shards it holds and what made them; reading and checking shards by it.

The manifest is written last: where it stands, the cache is whole. It has the SHA-256 of every shard's file, so that no
bit of a file can change unseen, HDF5's own bytes and its padding included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import json_text, read_json, sha256_of_json, write_text
from pipeline.base.text import quoted
from pipeline.config.paths import extract_command
from pipeline.features.shards import DTYPE, Embeddings, Shard, read_shard

MANIFEST_VERSION = 2
MANIFEST_NAME = "manifest.json"
RANGES = "ranges"
"""Of the settings: what deep pictures are opened with. It follows from the pictures."""


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

    @property
    def made_from(self) -> dict[str, Any]:
        """What decides the embeddings, as plain data; of the pictures a digest."""
        return {
            "weights_sha256": self.weights_sha256,
            "views": self.views,
            "settings": {key: value for key, value in self.settings.items() if key != RANGES},
            "shards": digest_of_shards({name: [each.fingerprint for each in own] for name, own in self.splits.items()}),
        }

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


def digest_of_shards(fingerprints: dict[str, list[str]]) -> str:
    """One of the fingerprints of all shards, by split: of the pictures, their order, and all that made them."""
    return sha256_of_json(fingerprints)


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
