"""The fit of a collection: what suits the number of its pictures, and whether it was made before."""

from __future__ import annotations

import importlib.metadata
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.base.files import sha256_of_json, write_text
from pipeline.collection.result import Collection
from pipeline.collection.settings import ClusterSettings
from pipeline.config.settings import DatasetSettings, ExtractSettings
from pipeline.features.cache import Features, open_features
from pipeline.heads.settings import IMAGES_PER_CLUSTER, FitSettings
from pipeline.methods import METHODS


def suited(settings: FitSettings, choice: ClusterSettings, method: str, images: int, clusters: int) -> FitSettings:
    """The fit of a collection: batches of a quarter of the pictures (ours), or the fit's own where that is less.

    Few pictures then still give steps that differ. A batch holds eight pictures a cluster, however many clusters there
    are, as the balance term needs to see their shares. Many pictures are seen in fewer epochs (ours).
    """
    batch = max(2, min(images, max(min(settings.training.batch, images // 4), IMAGES_PER_CLUSTER * clusters)))
    epochs = max(1, min(settings.training.epochs, choice.most_steps // math.ceil(images / batch)))
    training = replace(settings.training, batch=batch, epochs=epochs)
    # An ensemble has its runs inside.
    runs = 1 if METHODS[method].ensemble else choice.runs
    return replace(settings, runs=runs, methods=(method,), training=training)


def suited_views(settings: ExtractSettings, choice: ClusterSettings, images: int) -> ExtractSettings:
    """The extraction of a collection: the fewer pictures, the more views of each (ours)."""
    views = min(choice.most_views, max(settings.views, choice.few_embeddings // images))
    return replace(settings, views=views)


def fingerprint(features: Features, settings: FitSettings, dataset: DatasetSettings) -> str:
    """Of all that decides a fit."""
    made_from: dict[str, Any] = {
        "version": importlib.metadata.version("scp-pipeline"),
        "features": features.fingerprint,
        "fit": settings.plain(),
        "dataset": asdict(dataset),
    }
    return sha256_of_json(made_from)


def is_fitted(collection: Collection, features: Path, settings: FitSettings, dataset: DatasetSettings) -> bool:
    """Whether the last fit that came to its end was made from just this."""
    made_from = fingerprint(open_features(features), settings, dataset)
    return collection.fitted.is_file() and collection.fitted.read_text(encoding="utf-8") == made_from + "\n"


def mark_fitted(collection: Collection, features: Path, settings: FitSettings, dataset: DatasetSettings) -> None:
    """Notes what the fit was made from."""
    write_text(collection.fitted, fingerprint(open_features(features), settings, dataset) + "\n")
