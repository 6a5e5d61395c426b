"""k-means on L2-normalised clean embeddings: the baseline that the paper compares with (faiss)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np

from pipeline.config.types import Count, Share
from pipeline.heads.problem import Problem, Run


@dataclass(frozen=True)
class Settings:
    """The k-means baseline, and what else ends in k-means."""

    starts: Count
    iterations: Count
    """Of each start at most, and of the best one once more."""
    tolerance: Share
    """Share of its objective that an iteration must improve a start by for the next one; the best then goes on."""


def normalise(embeddings: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a zero row stays zero."""
    rows = np.array(embeddings, dtype=np.float32, order="C")
    faiss.normalize_L2(rows)
    return rows


@dataclass(frozen=True)
class Centroids:
    """The model: the nearest centroid wins."""

    centroids: np.ndarray
    """float32 (clusters, dim)."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """Minus half the squared distance of the normalised embedding to each centroid."""
        rows = normalise(embeddings)
        # |x - c|^2 = 1 - 2 x.c + |c|^2 for rows of length 1; a zero row has 0 in place of 1.
        squares = (rows**2).sum(1, keepdims=True) - 2 * rows @ self.centroids.T + (self.centroids**2).sum(1)
        logits: np.ndarray = (-0.5 * np.maximum(squares, 0)).astype(np.float32)
        return logits

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """1 - d / d', d the distance to a centroid and d' to the nearest other one: the simplified silhouette.

        Negative values, of all centroids but the nearest, are cut to 0.
        """
        distances = np.sqrt(-2 * logits)
        two = np.partition(distances, 1, axis=1)[:, :2]
        nearest, runner_up = two[:, :1], two[:, 1:]
        other = np.where(distances == nearest, runner_up, nearest)
        result: np.ndarray = np.clip(1 - distances / np.maximum(other, 1e-12), 0, 1).astype(np.float32)
        return result

    def config(self) -> dict[str, Any]:
        """Nothing: the centroids say it all."""
        return {}

    def tensors(self) -> dict[str, np.ndarray]:
        """The centroids."""
        return {"centroids": self.centroids}


FEW = 20
"""Centroids up to which faiss is faster without a matrix multiplication."""


@contextmanager
def _few_by_loops(clusters: int) -> Iterator[None]:
    """Lets faiss compare with `FEW` centroids or less by its own vectorised loops.

    From 128,000 numbers on it calls BLAS, which is made for larger matrices: on two cores of an AMD EPYC, faiss 1.15,
    an iteration on 50,000 rows of 512 numbers with 10 centroids takes 43 ms so and 22 ms by loops; with 20 it is 46
    and 30, with 50 nearly the same, with 100 it is 54 and 88.
    """
    before = faiss.cvar.distance_compute_blas_threshold
    if clusters <= FEW:
        faiss.cvar.distance_compute_blas_threshold = 2**31 - 1  # The largest C int.
    try:
        yield
    finally:
        faiss.cvar.distance_compute_blas_threshold = before


def best_centroids(
    rows: np.ndarray, clusters: int, settings: Settings, seed: int, spherical: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """k-means on all rows, from several k-means++ starts, the best of which is given.

    Which start is best shows long before nothing changes any more, so each goes on only until an iteration improves it
    by less than `settings.tolerance`, and the best alone goes on from there (ours).

    Args:
        rows: float32 (n, dim).
        clusters: at most n.
        settings: starts, iterations and tolerance.
        seed: 31 bits.
        spherical: keep the centroids at length 1 and compare by the cosine.

    Returns:
        the centroids, float32 (clusters, dim), and the objective at each iteration of the last part: the inertia, or of
        spherical k-means the sum of the cosines.
    """

    def trained(starts: int, tolerance: float, begin: np.ndarray | None = None) -> Any:
        kmeans: Any = faiss.Kmeans(
            rows.shape[1],
            clusters,
            niter=settings.iterations,
            nredo=starts,
            early_stop_threshold=tolerance,
            seed=seed,
            init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS,
            spherical=spherical,
            # faiss samples 256 points a centroid unless told otherwise, and warns below 39.
            max_points_per_centroid=len(rows),
            min_points_per_centroid=1,
        )
        kmeans.train(rows, init_centroids=begin)
        return kmeans

    with _few_by_loops(clusters):
        best = trained(settings.starts, settings.tolerance)
        best = trained(1, 0.0, best.centroids)
    return best.centroids.copy(), best.obj


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One k-means for each seed; the loss is the inertia."""
    settings = problem.settings.section("kmeans", Settings)
    rows = normalise(problem.views[:, 0])
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        centroids, inertia = best_centroids(rows, problem.dataset.clusters, settings, seed)
        yield Run(Centroids(centroids), float(inertia.min()))


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Centroids:
    """The model from its saved centroids."""
    return Centroids(tensors["centroids"])
