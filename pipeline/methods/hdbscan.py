"""HDBSCAN on principal components (Campello et al., 2013; scikit-learn): dense regions, whatever their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.cluster import HDBSCAN

from pipeline.config.types import Count, Share
from pipeline.heads.problem import Problem, Run
from pipeline.methods import voting
from pipeline.methods.voting import AssignmentSettings

restore = voting.restore


@dataclass(frozen=True)
class Settings(AssignmentSettings):
    """HDBSCAN."""

    smallest_share: Share
    """Images of the smallest cluster, as a share of all."""
    samples: Count
    most_images: Count


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """The same run for every seed, as nothing is drawn; the loss is the share of images that lie in no dense region.

    Those get the cluster that the nearest of the others vote for. The number of clusters is what is found, with no
    regard to the one that was asked for; where no region stands out all images are one cluster, of the two that a
    model has at least.

    Raises:
        PipelineError: if there are more images than the settings allow.
    """
    settings, images = problem.settings.section("hdbscan", Settings), len(problem.views)
    voting.check_size("hdbscan", images, settings.most_images)
    problem.progress("density")
    rows = problem.components(settings.components).project(problem.views[:, 0])
    smallest = max(2, round(settings.smallest_share * images))
    found = HDBSCAN(min_cluster_size=smallest, min_samples=min(settings.samples, images), copy=True).fit(rows).labels_
    noise = found < 0
    clusters = max(2, int(found.max()) + 1)
    model = voting.of_assignment(problem, np.maximum(found, 0), clusters, settings)
    if noise.any() and not noise.all():
        dense = replace(model, rows=model.rows[~noise], assigned=model.assigned[~noise])
        assigned = model.assigned.copy()
        assigned[noise] = dense.logits(problem.views[noise, 0]).argmax(1)
        model = replace(model, assigned=assigned)
    run = Run(model, float(noise.mean()))
    yield from (run for _ in seeds)
