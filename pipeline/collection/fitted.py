"""What the last fit of a collection was made from: a run on just the same keeps it."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_json, write_json
from pipeline.collection.result import SPLIT, Collection
from pipeline.config.settings import DatasetSettings
from pipeline.features.cache import Features, open_features
from pipeline.heads.predictions import read_assignments
from pipeline.heads.settings import FitSettings
from pipeline.images.listing import read_list


@dataclass(frozen=True)
class Fitted:
    """The last fit that came to its end."""

    embeddings: str
    """The fingerprint of the cache."""
    settings: str
    """See `settings_of`."""
    clusters: int
    estimated: bool
    """Whether nobody had said how many."""
    contents: tuple[str, ...]
    """See `contents_of`."""


def settings_of(settings: FitSettings, dataset: DatasetSettings) -> str:
    """The SHA-256 of all that decides a fit beside the embeddings."""
    version = importlib.metadata.version("scp-pipeline")
    return sha256_of_json({"version": version, "fit": settings.plain(), "dataset": asdict(dataset)})


def contents_of(collection: Collection, features: Features) -> tuple[str, ...]:
    """A digest for each picture, or for each embedding that was brought."""
    records = read_list(collection.images)
    if all(record.digest for record in records):
        return tuple(record.digest for record in records)
    rows = np.ascontiguousarray(features.read(SPLIT).clean)
    return tuple(hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in rows)


def read_fitted(collection: Collection) -> Fitted | None:
    """What the last fit was made from; None: there is none that can be gone by."""
    try:
        known = read_json(collection.fitted, "pipeline cluster")
        return Fitted(**{**known, "clusters": int(known["clusters"]), "contents": tuple(map(str, known["contents"]))})
    except (PipelineError, LookupError, TypeError, ValueError):  # The first run, or an earlier version wrote it.
        return None


def write_fitted(
    collection: Collection, features: Path, settings: FitSettings, dataset: DatasetSettings, estimated: bool
) -> None:
    """Notes what a fit was made from."""
    opened = open_features(features)
    made = settings_of(settings, dataset), dataset.clusters, estimated, contents_of(collection, opened)
    write_json(collection.fitted, asdict(Fitted(opened.fingerprint, *made)))


def is_fitted(
    last: Fitted | None, collection: Collection, features: Path, settings: FitSettings, dataset: DatasetSettings
) -> bool:
    """Whether the last fit was made from just this, and what it said of the pictures is still there."""
    made_from = open_features(features).fingerprint, settings_of(settings, dataset)
    if last is None or (last.embeddings, last.settings) != made_from:
        return False
    try:
        said = read_assignments(collection.predictions / settings.methods[0])
    except PipelineError:
        return False
    # A head that stood while the pictures changed has said other things since.
    return said.ids == [record.id for record in read_list(collection.images)]
