"""TAC without training (Li et al., Image Clustering with External Guidance, ICML 2024). It reads WordNet's nouns.

Spherical k-means of each image's embedding beside that of its text counterpart; see `counterparts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config.types import Count
from pipeline.heads.problem import Problem, Run
from pipeline.methods.counterparts import CounterpartSettings, counterparts, kept_nouns, spherical
from pipeline.methods.kmeans import Centroids, best_centroids, normalise


@dataclass(frozen=True)
class Settings(CounterpartSettings):
    """The counterparts, and the k-means."""

    starts: Count = 20
    """Paper."""


@dataclass(frozen=True)
class BesideText:
    """The model: the nearest centroid of an embedding and its counterpart, joined."""

    nouns: np.ndarray
    """float32 (kept, dim) of length 1."""
    centroids: Centroids
    """(clusters, 2 dim)."""
    sharpness: float
    """See `CounterpartSettings`."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """See `Centroids`."""
        return self.centroids.logits(joined(normalise(embeddings), self.nouns, self.sharpness))

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """See `Centroids`."""
        return self.centroids.confidences(logits)

    def config(self) -> dict[str, Any]:
        """How sharply an image chooses among the nouns."""
        return {"sharpness": self.sharpness}

    def tensors(self) -> dict[str, np.ndarray]:
        """The nouns that were kept, and the centroids."""
        return {"nouns": self.nouns, **self.centroids.tensors()}


def joined(rows: np.ndarray, nouns: np.ndarray, sharpness: float) -> np.ndarray:
    """Rows of length 1 beside their counterparts, float32 (n, 2 dim) of length 1."""
    return normalise(np.concatenate([rows, counterparts(rows, nouns, sharpness)], axis=1))


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> BesideText:
    """The model from its saved numbers."""
    return BesideText(tensors["nouns"], Centroids(tensors["centroids"]), float(config["sharpness"]))


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One spherical k-means for each seed; the loss is the sum of one minus the cosines."""
    settings = problem.settings.section("tac_kmeans", Settings)
    images = normalise(problem.views[:, 0])
    problem.progress("nouns")
    nouns = kept_nouns(problem, images, settings)
    rows, given = joined(images, nouns, settings.sharpness), spherical(settings, settings.starts)
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        centroids, cosines = best_centroids(rows, problem.dataset.clusters, given, seed, spherical=True)
        model = BesideText(nouns, Centroids(centroids), settings.sharpness)
        yield Run(model, len(rows) - float(np.max(cosines)))
