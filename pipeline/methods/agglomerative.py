"""Agglomerative clustering by Ward's criterion, on principal components (scikit-learn)."""

from __future__ import annotations

from collections.abc import Iterator

from sklearn.cluster import AgglomerativeClustering
from threadpoolctl import threadpool_limits

from pipeline.components import Components
from pipeline.methods import labelled
from pipeline.problem import Problem, Run

restore = labelled.restore


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """The same run for every seed, as nothing is drawn; the loss is the sum of squares within clusters.

    Raises:
        PipelineError: if there are more images than the settings allow.
    """
    settings, clusters = problem.settings.agglomerative, problem.dataset.clusters
    labelled.check_size("agglomerative", len(problem.views), settings.most_images)
    problem.progress("tree")
    rows = Components.of(problem.views[:, 0], settings.components).project(problem.views[:, 0])
    with threadpool_limits(1):
        assigned = AgglomerativeClustering(clusters).fit(rows).labels_
    loss = sum(
        float(((rows[assigned == each] - rows[assigned == each].mean(0)) ** 2).sum()) for each in range(clusters)
    )
    run = Run(labelled.labelled(problem, assigned, clusters, settings), loss)
    yield from (run for _ in seeds)
