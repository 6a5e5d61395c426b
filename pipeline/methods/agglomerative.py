"""Agglomerative clustering by Ward's criterion, on principal components (scipy)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import pdist

from pipeline.config.types import Count
from pipeline.heads.problem import Problem, Run
from pipeline.methods import voting
from pipeline.methods.voting import AssignmentSettings

restore = voting.restore


@dataclass(frozen=True)
class Settings(AssignmentSettings):
    """Ward's tree."""

    most_images: Count


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """The same run for every seed, as nothing is drawn; the loss is the sum of squares within clusters.

    Raises:
        PipelineError: if there are more images than the settings allow.
    """
    settings, clusters = problem.settings.section("agglomerative", Settings), problem.dataset.clusters
    voting.check_size("agglomerative", len(problem.views), settings.most_images)
    problem.progress("tree")
    rows = problem.components(settings.components).project(problem.views[:, 0])
    tree = linkage(pdist(rows), "ward")
    assigned = cut_tree(tree, clusters)[:, 0]
    # The square of a height is twice what the merger adds to the sum of squares.
    loss = float((tree[: len(rows) - clusters, 2] ** 2).sum()) / 2
    run = Run(voting.of_assignment(problem, assigned, clusters, settings), loss)
    yield from (run for _ in seeds)
