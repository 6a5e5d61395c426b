"""One clustering from many: of which images, what they agree on, and how much, image by image."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.heads.problem import Problem

STARTS = 10


def drawn(problem: Problem, most: int) -> Problem:
    """The problem on so many of its images at most, drawn at random, the same ones every time.

    What an ensemble finds is learnt by a head, which predicts the other images; more of them would cost time alone.
    """
    problem = replace(problem, stream=None)
    images = len(problem.views)
    if images <= most:
        return problem
    if "drawn" not in problem.shared:
        rows = np.sort(np.random.default_rng(0).permutation(images)[:most])
        views = problem.views[rows]
        problem.shared["drawn"] = views, Neighbours(lambda: unit_length(views[:, 0]), problem.store, f"{most}-drawn")
    views, near = problem.shared["drawn"]
    return replace(problem, views=views, given_near=near)


def consensus(clusterings: Sequence[np.ndarray], clusters: int, seed: int) -> np.ndarray:
    """The clustering that is nearest to all (ours, after evidence accumulation: Fred and Jain, 2005).

    k-means on the indicators of all clusterings side by side: the squared distance of two images is twice the number of
    clusterings that part them. Nothing grows with the square of the number of images.

    Args:
        clusterings: int (n,) each; their clusters need not correspond, nor be equally many.
        clusters: how many to make, at most n.
        seed: of k-means' starts.

    Returns:
        the cluster of each image, int64 (n,).
    """
    # One thread: how sums are split among threads decides their last bits.
    with threadpool_limits(1), warnings.catch_warnings():
        # Where the clusterings agree on fewer clusters, there are no more.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans = KMeans(clusters, n_init=STARTS, random_state=seed)
        found: np.ndarray = kmeans.fit_predict(_indicators(clusterings)).astype(np.int64)
    return found


def sureness(clusterings: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """How much clusterings agree with one of them, or with their consensus, on each image.

    Args:
        clusterings: int (n,) each.
        chosen: int (n,).

    Returns:
        float64 (n,) in 0..1: the mean over the clusterings of the share of the images in its cluster there that have
        the same chosen cluster.
    """
    joined = _indicators(clusterings)
    counts = (joined.T @ _indicators([chosen])).toarray()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    places = joined.indices.reshape(len(chosen), len(clusterings))
    mean: np.ndarray = shares[places, chosen[:, None]].mean(1)
    return mean


def _indicators(clusterings: Sequence[np.ndarray]) -> csr_array:
    """A row for each image with a one for its cluster in each clustering, (n, clusters of all)."""
    widths = [int(each.max()) + 1 for each in clusterings]
    starts = np.cumsum([0, *widths[:-1]])
    # 32 bits, as scikit-learn takes no more.
    columns = (np.stack(clusterings, 1) + starts).astype(np.int32).ravel()
    rows = np.arange(0, len(columns) + 1, len(clusterings), dtype=np.int32)
    return csr_array((np.ones(len(columns)), columns, rows), shape=(len(rows) - 1, sum(widths)))
