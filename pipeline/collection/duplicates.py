"""Near-duplicates: groups of pictures whose embeddings are nearly the same."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def copies(near: np.ndarray, distances: np.ndarray, limit: float) -> np.ndarray:
    """Groups of pictures that are nearly the same, also by way of others.

    Args:
        near: int (n, count), neighbours.
        distances: float (n, count), theirs.
        limit: two pictures with at most this distance are nearly the same.

    Returns:
        int (n,), numbers from 0 in the order of the groups' first pictures; -1: like no other.
    """
    ones, which = np.nonzero(distances <= limit)
    others = near[ones, which]
    graph = coo_array((np.ones(len(ones), bool), (ones, others)), shape=(len(near), len(near)))
    _, groups = connected_components(graph, directed=False)
    _, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    numbers = np.full(len(sizes), -1)
    several = np.argsort(np.where(sizes > 1, first, len(near)), kind="stable")[: int((sizes > 1).sum())]
    numbers[several] = np.arange(len(several))
    result: np.ndarray = numbers[groups]
    return result
