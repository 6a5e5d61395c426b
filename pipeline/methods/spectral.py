"""Spectral clustering of the neighbour graph (Ng, Jordan and Weiss, 2001)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from pipeline.config.types import Count, Range
from pipeline.features.neighbour_graph import leading_eigenvectors, self_tuning
from pipeline.heads.problem import Problem, Run
from pipeline.methods import kmeans, voting
from pipeline.methods.kmeans import Centroids, best_centroids, normalise
from pipeline.methods.voting import AssignmentSettings

restore = voting.restore


@dataclass(frozen=True)
class Settings(AssignmentSettings):
    """Spectral clustering; see `pipeline.features.neighbour_graph`."""

    neighbours: Count
    scale: Count
    tie: Annotated[float, Range(1e-9)]


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One k-means of the eigenvectors' rows, of length 1, for each seed; the loss is its inertia."""
    settings, clusters = problem.settings.section("spectral", Settings), problem.dataset.clusters
    kmeans_settings = problem.settings.section("kmeans", kmeans.Settings)
    problem.progress("neighbour graph")
    found, distances = problem.near.nearest(settings.neighbours)
    graph = self_tuning(found, distances, settings.scale)
    rows = normalise(leading_eigenvectors(graph, clusters, settings.tie))
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        centroids, inertia = best_centroids(rows, clusters, kmeans_settings, seed)
        assigned = Centroids(centroids).logits(rows).argmax(1)
        yield Run(voting.of_assignment(problem, assigned, clusters, settings), float(np.min(inertia)))
