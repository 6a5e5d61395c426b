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
from pipeline.features.manifest import digest_of_shards
from pipeline.features.shards import SCHEMA_VERSION
from pipeline.images.listing import ImageRecord


@dataclass(frozen=True)
class Planned:
    """A shard to be: its file, its images, and the fingerprint it must have."""

    split: str
    file: str
    records: Sequence[ImageRecord]
    fingerprint: str


def describe(backbone: Backbone, settings: ExtractSettings) -> dict[str, Any]:
    """Everything but weights, pictures, number of views and layout that decides an embedding, as plain data."""
    # Earlier versions computed other convolutions in float32: their shards are others.
    exact = {"in_fp32": f"{PIXELS} channels in, {BOTTLENECK} out"} if settings.precision == "bf16" else {}
    return {
        "seed": settings.seed,
        "augmentation": plain(settings.augmentation),
        "precision": settings.precision,
        **exact,
        "batch": settings.batch,
        "model": backbone.model,
        "geometry": asdict(backbone.geometry),
        "mean": list(backbone.mean),
        "std": list(backbone.std),
    }


def plan(
    backbone: Backbone,
    sha256: str,
    described: dict[str, Any],
    records: Sequence[ImageRecord],
    settings: ExtractSettings,
) -> list[Planned]:
    """Cuts every split into shards and gives each the fingerprint of all that decides its bytes.

    A batch never crosses a shard, so a shard's bytes depend on its own images alone, whatever was there before.
    """
    splits: dict[str, list[ImageRecord]] = {}
    for record in records:
        splits.setdefault(record.split, []).append(record)
    planned = []
    for split, members in splits.items():
        for number, first in enumerate(range(0, len(members), settings.shard_rows)):
            part = members[first : first + settings.shard_rows]
            made_from = {
                "schema_version": SCHEMA_VERSION,
                "backbone": backbone.name,
                "weights": sha256,
                "views": settings.views,
                "settings": described,
                "images": [[record.id, record.digest, *filter(None, (record.range,))] for record in part],
            }
            planned.append(Planned(split, f"{split}-{number:05d}.h5", part, sha256_of_json(made_from)))
    return planned


def digest_of_plan(backbone: Backbone, sha256: str, records: Sequence[ImageRecord], settings: ExtractSettings) -> str:
    """What a manifest says of its shards, see `Manifest.made_from`, where they are those of this plan."""
    fingerprints: dict[str, list[str]] = {}
    for shard in plan(backbone, sha256, describe(backbone, settings), records, settings):
        fingerprints.setdefault(shard.split, []).append(shard.fingerprint)
    return digest_of_shards(fingerprints)
