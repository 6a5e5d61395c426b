"""k-means on UMAP's layout of the embeddings in a few dimensions (see `pipeline.methods.umap_layout`)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import torch
from scipy.sparse import coo_array

from pipeline.base.errors import PipelineError
from pipeline.config.types import Count, Range
from pipeline.features.neighbours import nearest
from pipeline.heads.problem import Problem, Run
from pipeline.heads.training import one_thread_each
from pipeline.methods import kmeans, voting
from pipeline.methods.kmeans import best_centroids
from pipeline.methods.umap_layout import lay_out, near_graph
from pipeline.methods.voting import AssignmentSettings

restore = voting.restore


@dataclass(frozen=True)
class Settings(AssignmentSettings):
    """k-means on UMAP's layout."""

    neighbours: Annotated[int, Range(2)]
    dimensions: Count
    epochs: Count


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One layout and one k-means for each seed; the loss is the share of the layout's variance within clusters.

    It is made on the CPU, where the same seed gives the same bytes.

    Raises:
        PipelineError: if there are too few images for a layout.
    """
    settings, clusters = problem.settings.section("umap_kmeans", Settings), problem.dataset.clusters
    images = len(problem.views)
    if images <= max(settings.neighbours, settings.dimensions):
        raise PipelineError(
            f"umap-kmeans: expected more than {max(settings.neighbours, settings.dimensions)} images, found "
            f"{images}; leave the method out, or lower fit.umap_kmeans.neighbours and .dimensions in params.yaml"
        )
    graph = near_graph(*problem.near.nearest(settings.neighbours - 1))  # The image itself counts as one.
    start = problem.components(settings.components).project(problem.views[:, 0])[:, : settings.dimensions]

    for number, (seed, layout) in enumerate(zip(seeds, _laid_out(graph, start, settings.epochs, seeds), strict=True)):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        centroids, inertia = best_centroids(layout, clusters, problem.settings.section("kmeans", kmeans.Settings), seed)
        assigned = nearest(centroids, layout, 1)[0][:, 0]
        loss = float(np.min(inertia)) / max(float(np.square(layout, dtype=np.float64).sum()), 1e-12)
        yield Run(voting.of_assignment(problem, assigned, clusters, settings), loss)


def _laid_out(graph: coo_array, start: np.ndarray, epochs: int, seeds: list[int]) -> list[np.ndarray]:
    """The layout of each seed, around 0; as many beside each other as there are cores."""
    cores = torch.get_num_threads()
    # One thread each: the order in which threads add up changes the last bits.
    with one_thread_each(), ThreadPoolExecutor(cores, thread_name_prefix="layout") as pool:
        layouts = pool.map(partial(lay_out, graph, start, epochs), seeds)
        return [np.ascontiguousarray(layout - layout.mean(0), np.float32) for layout in layouts]
