"""Spectral clustering of the neighbour graph (Ng, Jordan and Weiss, 2001)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.features.neighbour_graph import leading_eigenvectors, self_tuning
from pipeline.heads.problem import Problem, Run
from pipeline.methods import voting
from pipeline.methods.kmeans import Centroids, best_centroids, normalise

restore = voting.restore


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One k-means of the eigenvectors' rows, of length 1, for each seed; the loss is its inertia."""
    settings, clusters = problem.settings.spectral, problem.dataset.clusters
    problem.progress("neighbour graph")
    found, distances = problem.near.nearest(settings.neighbours)
    graph = self_tuning(found, distances, settings.scale)
    rows = normalise(leading_eigenvectors(graph, clusters, settings.tie))
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        centroids, inertia = best_centroids(rows, clusters, problem.settings.kmeans, seed)
        assigned = Centroids(centroids).logits(rows).argmax(1)
        yield Run(voting.of_assignment(problem, assigned, clusters, settings), float(np.min(inertia)))
