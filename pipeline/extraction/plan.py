"""What decides the embeddings of a cache: by its fingerprint a shard knows whether it still fits. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.backbones.in_fp32 import BOTTLENECK, PIXELS
from pipeline.backbones.registry import Backbone
from pipeline.base.files import sha256_of_json
from pipeline.config.params import plain
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.corruptions import described
from pipeline.features.manifest import digest_of_shards
from pipeline.features.shards import SCHEMA_VERSION, Origin
from pipeline.images.listing import ImageRecord

MARK = 8
"""Digits of its fingerprint that a shard's name ends with."""


@dataclass(frozen=True)
class Copies:
    """Rows of a shard to be that stand in another shard of the cache."""

    file: str
    width: int
    """Embeddings of a row that are taken, the clean one first."""
    rows: Sequence[int]
    places: Sequence[int]
    """The rows there."""


@dataclass(frozen=True)
class Planned:
    """A shard to be: its file, its images, and the fingerprint it must have."""

    split: str
    file: str
    records: Sequence[ImageRecord]
    fingerprint: str
    recipe: str = ""
    copies: Sequence[Copies] = ()
    rows: Sequence[int] | None = None
    """The rows of which an embedding is to be computed; None: all."""

    @property
    def origin(self) -> Origin:
        """What the shard says of its pictures, by which they are found again."""
        return Origin(self.recipe, [record.key for record in self.records])

    @property
    def todo(self) -> dict[int, int]:
        """The rows of which an embedding is to be computed, and how many of each are copied."""
        copied = {row: copies.width for copies in self.copies for row in copies.rows}
        rows = range(len(self.records)) if self.rows is None else self.rows
        return {row: copied.get(row, 0) for row in rows}


def describe(backbone: Backbone, settings: ExtractSettings) -> dict[str, Any]:
    """Everything but weights, pictures, number of views and layout that decides an embedding, as plain data."""
    # Earlier versions computed other convolutions in float32: their shards are others.
    exact = {"in_fp32": f"{PIXELS} channels in, {BOTTLENECK} out"} if settings.precision == "bf16" else {}
    found = settings.corruption
    corruption = {"corruption": described(found.kind, found.severity)} if found else {}
    return {
        "seed": settings.seed,
        "augmentation": plain(settings.augmentation),
        "precision": settings.precision,
        **exact,
        **corruption,
        "batch": settings.batch,
        "model": backbone.model,
        "geometry": asdict(backbone.geometry),
        "mean": list(backbone.mean),
        "std": list(backbone.std),
    }


def recipe_of(backbone: Backbone, sha256: str, described: dict[str, Any]) -> str:
    """The digest of everything but the pictures and the number of views that decides an embedding."""
    return sha256_of_json(
        {"schema_version": SCHEMA_VERSION, "backbone": backbone.name, "weights": sha256, "settings": described}
    )


def plan(
    backbone: Backbone,
    sha256: str,
    described: dict[str, Any],
    records: Sequence[ImageRecord],
    settings: ExtractSettings,
) -> list[Planned]:
    """Cuts every split into shards and gives each the fingerprint of all that decides its bytes.

    It is part of a shard's name, so no shard of other pictures is overwritten before what it holds of these is copied.
    """
    recipe = recipe_of(backbone, sha256, described)
    splits: dict[str, list[ImageRecord]] = {}
    for record in records:
        splits.setdefault(record.split, []).append(record)
    planned = []
    for split, members in splits.items():
        for number, first in enumerate(range(0, len(members), settings.shard_rows)):
            part = members[first : first + settings.shard_rows]
            images = [[record.id, record.digest, *filter(None, (record.range,))] for record in part]
            fingerprint = sha256_of_json({"recipe": recipe, "views": settings.views, "images": images})
            file = f"{split}-{number:05d}-{fingerprint[:MARK]}.h5"
            planned.append(Planned(split, file, part, fingerprint, recipe))
    return planned


def digest_of_plan(backbone: Backbone, sha256: str, records: Sequence[ImageRecord], settings: ExtractSettings) -> str:
    """What a manifest says of its shards, see `Manifest.made_from`, where they are those of this plan."""
    fingerprints: dict[str, list[str]] = {}
    for shard in plan(backbone, sha256, describe(backbone, settings), records, settings):
        fingerprints.setdefault(shard.split, []).append(shard.fingerprint)
    return digest_of_shards(fingerprints)
