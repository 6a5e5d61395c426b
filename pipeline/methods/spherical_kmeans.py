"""Spherical k-means (Dhillon and Modha, 2001): centroids of length 1, nearest by the cosine (faiss)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.heads.problem import Problem, Run
from pipeline.methods import kmeans
from pipeline.methods.kmeans import Centroids, best_centroids, normalise

# The distance of two rows of length 1 grows as their cosine falls, so the model is that of k-means.
restore = kmeans.restore
Settings = kmeans.Settings


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One spherical k-means for each seed, as k-means is started; the loss is the sum of one minus the cosines."""
    settings = problem.settings.section("spherical_kmeans", Settings)
    rows = normalise(problem.views[:, 0])
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        centroids, cosines = best_centroids(rows, problem.dataset.clusters, settings, seed, spherical=True)
        yield Run(Centroids(centroids), len(rows) - float(np.max(cosines)))
