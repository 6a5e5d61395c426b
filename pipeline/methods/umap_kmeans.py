"""k-means on UMAP's layout of the embeddings in a few dimensions (McInnes et al., arXiv 1802.03426); umap-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.base.errors import PipelineError
from pipeline.config.types import Count, Range
from pipeline.features.neighbours import nearest
from pipeline.heads.problem import Problem, Run
from pipeline.methods import kmeans, voting
from pipeline.methods.kmeans import best_centroids, normalise
from pipeline.methods.voting import AssignmentSettings

restore = voting.restore


@dataclass(frozen=True)
class Settings(AssignmentSettings):
    """k-means on UMAP's layout."""

    neighbours: Annotated[int, Range(2)]
    dimensions: Count


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One layout and one k-means for each seed; the loss is the share of the layout's variance within clusters.

    Raises:
        PipelineError: if there are too few images for a layout, or UMAP cannot be loaded.
    """
    settings, clusters = problem.settings.section("umap_kmeans", Settings), problem.dataset.clusters
    rows = normalise(problem.views[:, 0])
    if len(rows) <= max(settings.neighbours, settings.dimensions):
        raise PipelineError(
            f"umap-kmeans: expected more than {max(settings.neighbours, settings.dimensions)} images, found "
            f"{len(rows)}; leave the method out, or lower fit.umap_kmeans.neighbours and .dimensions in params.yaml"
        )
    try:
        with warnings.catch_warnings():
            # It says at the import that Tensorflow is missing, which nothing here needs.
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP
        _keep_compiled()
    except RuntimeError as error:
        raise PipelineError(
            f"umap-kmeans: UMAP's compiler finds no place to keep what it compiles ({error}); set NUMBA_CACHE_DIR to a "
            "folder that can be written to, or leave the method out"
        ) from None
    # UMAP's own search is not exact and takes a row for its first neighbour.
    found, distances = problem.near.nearest(settings.neighbours - 1)
    own = np.arange(len(rows))[:, None]
    near = np.hstack([own, found]), np.hstack([np.zeros_like(distances[:, :1]), distances])
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        umap = UMAP(
            n_neighbors=settings.neighbours,
            n_components=settings.dimensions,
            min_dist=0.0,
            init="pca",
            precomputed_knn=near,
            random_state=seed,
            n_jobs=1,
        )
        with warnings.catch_warnings(), threadpool_limits(1):
            # With neighbours of our own it lays out no new images, which it is not asked for.
            warnings.filterwarnings("ignore", "precomputed_knn", UserWarning)
            layout = umap.fit_transform(rows)
        layout = np.ascontiguousarray(layout - layout.mean(0), np.float32)
        centroids, inertia = best_centroids(layout, clusters, problem.settings.section("kmeans", kmeans.Settings), seed)
        assigned = nearest(centroids, layout, 1)[0][:, 0]
        loss = float(np.min(inertia)) / max(float(np.square(layout, dtype=np.float64).sum()), 1e-12)
        yield Run(voting.of_assignment(problem, assigned, clusters, settings), loss)


def _keep_compiled() -> None:
    """Has numba keep on the disk all that it compiles of UMAP, which asks for a part of it alone.

    Every process would compile the rest anew, 9 s on an AMD EPYC with AVX2, where few images are laid out in 0.1 s.
    """
    from umap import layouts, umap_

    for module in (layouts, umap_):
        for each in vars(module).values():
            if hasattr(each, "enable_caching"):
                each.enable_caching()
