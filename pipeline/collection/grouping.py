"""Clusters joined to fewer: Ward's method on their means."""

from __future__ import annotations

import numpy as np

COARSE, FINE = 1 / 3, 5 / 2
"""Groups and parts for each cluster (ours), where nothing else says how many there may be."""


def grouped(means: np.ndarray, sizes: np.ndarray, count: int) -> np.ndarray:
    """Groups of clusters by Ward's method (1963): again and again the two are joined that lose the least.

    Args:
        means: float (clusters, dim), the mean embedding of each.
        sizes: int (clusters,), how many pictures each stands for.
        count: groups; fewer clusters stay alone.

    Returns:
        int (clusters,), the group of each, numbered by the first cluster of each.
    """
    group = np.arange(len(means))
    means, weights = means.astype(np.float64), sizes.astype(np.float64)
    while len(means) > max(1, count):
        squares = (means**2).sum(1)
        far = np.maximum(squares[:, None] + squares[None] - 2 * means @ means.T, 0)
        loss = far * weights[:, None] * weights[None] / (weights[:, None] + weights[None])
        loss[np.tril_indices(len(loss))] = np.inf
        first, second = divmod(int(loss.argmin()), len(loss))
        means[first] = np.average(means[[first, second]], axis=0, weights=weights[[first, second]])
        weights[first] += weights[second]
        means, weights = np.delete(means, second, 0), np.delete(weights, second)
        group[group == second] = first
        group[group > second] -= 1
    return group
