"""A feature cache, opened: the embeddings of one backbone, or of several of the same images joined (SCP-MIX).

A mix is named after its backbones, ``first+second``. Its folder holds no embeddings of its own: a small file says
which caches it joins, and each is read where it lies, beside the mix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_json, write_json
from pipeline.base.remote import reached
from pipeline.config.names import MIX_SIGN, OWN, parts_of
from pipeline.config.paths import extract_command
from pipeline.features.lengths import unit_length
from pipeline.features.manifest import Manifest, check_shards, read_listed, read_manifest, read_split
from pipeline.features.scaling import KEY
from pipeline.features.shards import Embeddings

MIX_NAME = "mix.json"
"""Of the file in a mix's folder: the caches that it joins, by their backbones, and the fingerprint of each."""


@dataclass(frozen=True)
class Part:
    """A cache that the features are read from."""

    folder: Path
    manifest: Manifest


@dataclass(frozen=True)
class Features:
    """The embeddings of a data set's images, not read yet."""

    folder: Path
    parts: tuple[Part, ...]

    @property
    def backbone(self) -> str:
        """The backbone's name, or the mix's."""
        return MIX_SIGN.join(part.manifest.backbone for part in self.parts)

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.parts[0].manifest.dataset

    @property
    def dim(self) -> int:
        """Length of an embedding, all parts together."""
        return sum(part.manifest.dim for part in self.parts)

    @property
    def views(self) -> int:
        """Augmented views an image, beside the clean one."""
        return self.parts[0].manifest.views

    @property
    def splits(self) -> dict[str, int]:
        """Images of each split."""
        return {name: sum(shard.rows for shard in shards) for name, shards in self.parts[0].manifest.splits.items()}

    @property
    def fingerprint(self) -> str:
        """Of everything that decides the embeddings."""
        return sha256_of_json([part.manifest.fingerprint for part in self.parts])

    @property
    def made_from(self) -> dict[str, Any]:
        """For each backbone what decides its embeddings; see `Manifest.made_from`."""
        return {part.manifest.backbone: part.manifest.made_from for part in self.parts}

    def describe(self) -> dict[str, Any]:
        """What a saved head must know of its embeddings to make them again for a new picture: one entry a backbone."""
        parts = []
        for manifest in (part.manifest for part in self.parts):
            names: tuple[str, ...] = ("precision", "model", "geometry", "mean", "std")
            if manifest.backbone == OWN:
                names = (KEY,) if KEY in manifest.settings else ()
            settings = {key: manifest.settings.get(key) for key in names}
            about = {"backbone": manifest.backbone, "weights_sha256": manifest.weights_sha256, "dim": manifest.dim}
            parts.append({**about, **settings})
        # Of pictures of more than eight bits: what their values are scaled by.
        ranges = self.parts[0].manifest.settings.get("ranges")
        return {"parts": parts, "ranges": ranges} if ranges else {"parts": parts}

    def check(self, full: bool) -> None:
        """Looks at every shard before anything is computed; `read` checks what it reads in full in any case.

        Raises:
            PipelineError: see `manifest.check_shards`.
        """
        for part in self.parts:
            check_shards(part.folder, part.manifest, full)

    def read(self, split: str, views: int | None = None) -> Embeddings:
        """Reads a split into memory, checked; of a mix the joined embeddings.

        Each embedding of a mix's part is brought to length 1 first, or the part with the longest would dominate.

        Args:
            split: its name.
            views: keep the first so many augmented views alone; None: all.

        Raises:
            PipelineError: if there is no such split or so many views, a shard is missing, foreign or damaged, or the
                parts are not about the same images.
        """
        self._check_views(views)
        return self._join([read_split(part.folder, part.manifest, split) for part in self.parts], split, views)

    def blocks(
        self, split: str, views: int | None = None, numbers: Iterable[int] | None = None
    ) -> Iterator[Embeddings]:
        """The same in pieces, one shard of each part at a time, so that no more than that is in memory.

        Args:
            split: its name.
            views: keep the first so many augmented views alone; None: all.
            numbers: of the shards, in the order to read them; None: all.

        Raises:
            PipelineError: as `read`, and if the parts' shards do not hold the same images.
        """
        self._check_views(views)
        sizes = self.shard_rows(split)
        for number in range(len(sizes)) if numbers is None else numbers:
            shards = [(part, part.manifest.splits[split][number]) for part in self.parts]
            read = [read_listed(part.folder, part.manifest, shard) for part, shard in shards]
            yield self._join(read, split, views)

    def shard_rows(self, split: str) -> list[int]:
        """Images of each shard of a split.

        Raises:
            PipelineError: if the shards of a mix's parts differ in that.
        """
        each = [[shard.rows for shard in part.manifest.splits[split]] for part in self.parts]
        for part, rows in zip(self.parts, each, strict=True):
            if rows != each[0]:
                raise PipelineError(
                    f"{self.folder}: expected shards with the same images, to read both caches piece by piece, found "
                    f"others in {part.folder} than in {self.parts[0].folder}; run '{extract_command(self.folder)}' "
                    "with one extract.shard_rows for both"
                )
        return each[0]

    def _check_views(self, views: int | None) -> None:
        if views is not None and views > self.views:
            raise PipelineError(
                f"cache {self.folder}: {views} views an image were asked for, it holds {self.views}; "
                f"run '{extract_command(self.folder)}' with as many"
            )

    def _join(self, read: list[Embeddings], split: str, views: int | None) -> Embeddings:
        """The parts' embeddings of the same images as one."""
        kept = slice(None) if views is None else slice(1 + views)
        if len(read) == 1:
            return Embeddings(read[0].ids, read[0].views[:, kept])
        for part, embeddings in zip(self.parts, read, strict=True):
            if embeddings.ids != read[0].ids:
                odd = next(iter(sorted(set(embeddings.ids) ^ set(read[0].ids))), "their order")
                raise PipelineError(
                    f"cache {part.folder}: expected the images of {self.parts[0].folder}, split '{split}', found "
                    f"others ({odd}); run '{extract_command(self.folder)}'"
                )
        joined = np.concatenate([unit_length(embeddings.views[:, kept]) for embeddings in read], axis=2)
        return Embeddings(read[0].ids, joined)


def write_mix(folder: Path) -> Features:
    """Makes `folder`, named after its backbones, the mix of the caches beside it.

    Raises:
        PipelineError: if a cache is missing, or they do not hold the same views of the same splits.
    """
    names = parts_of(folder.name)
    features = _joined(folder, [Part(folder.parent / name, read_manifest(folder.parent / name)) for name in names])
    write_json(folder / MIX_NAME, {part.manifest.backbone: part.manifest.fingerprint for part in features.parts})
    return features


def open_features(folder: str | Path) -> Features:
    """Opens the features in a folder that ``pipeline extract`` filled: a cache, or a mix of those beside it.

    Parameters
    ----------
    folder : str or Path
        Such as ``data/features/stl10/clip-vitb32``, or ``pictures-clusters/cache/features/efficientnet-lite0``; a text
        may be the URL of a store, such as ``s3://bucket/features/stl10/clip-vitb32``.

    Returns
    -------
    Features
        Not read yet. ``splits`` has the number of images of each split, and ``read(split)`` the embeddings of one:
        ``ids``, ``clean``, float32 (n, dim), and ``views``, float16 (n, 1 + augmented views, dim).

    Raises
    ------
    PipelineError
        If they are missing or unfinished, or the caches of a mix were made anew since.
    """
    folder = reached(folder) if isinstance(folder, str) else folder
    if MIX_SIGN not in folder.name:
        return Features(folder, (Part(folder, read_manifest(folder)),))
    again = extract_command(folder)
    recorded = read_json(folder / MIX_NAME, again)
    parts = [Part(folder.parent / name, read_manifest(folder.parent / name)) for name in parts_of(folder.name)]
    for part in parts:
        if recorded.get(part.manifest.backbone) != part.manifest.fingerprint:
            raise PipelineError(f"{folder}: the cache {part.folder} was made anew since; run '{again}'")
    return _joined(folder, parts)


def _joined(folder: Path, parts: list[Part]) -> Features:
    """The parts as one, if they hold the same views of the same splits."""
    first = parts[0]
    for part in parts[1:]:
        for what, expected, found in zip(
            ("views", "seed", "augmentation", "images a split"), _views(first), _views(part), strict=True
        ):
            if found != expected:
                raise PipelineError(
                    f"{folder}: expected both caches with the same {what}, found {expected} in {first.folder} and "
                    f"{found} in {part.folder}; run '{extract_command(folder)}'"
                )
    return Features(folder, tuple(parts))


def _views(part: Part) -> tuple[Any, ...]:
    """What two caches must have in common to be about the same views."""
    manifest = part.manifest
    rows = {name: sum(shard.rows for shard in shards) for name, shards in manifest.splits.items()}
    return manifest.views, manifest.settings.get("seed"), manifest.settings.get("augmentation"), rows
