"""How sure the cluster of a picture is: what its nearest pictures say, and whether the runs of the method agree.

Ours, without labels. A method's own confidence says how clear-cut it finds a picture, be it right or not: nearly 1 for
trained heads. Here a picture has support where its nearest pictures are in its cluster, and so were most of the
pictures that other runs put with it; and it is as sure as the pictures around it in the same cluster have support. So
the core of a cluster comes first, its border and outliers last. See docs/confidence.md for how often it is right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.methods.ensemble import sureness


def confidences(
    near: np.ndarray, distances: np.ndarray, runs: np.ndarray, clusters: np.ndarray, asked: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """How sure it is that pictures belong to clusters.

    Args:
        near: int (n, count), the nearest pictures of each.
        distances: float (n, count), theirs.
        runs: int (n, runs), the clusters of each run, whose numbers need not correspond.
        clusters: int (n,), those of the pictures.
        asked: int (n,) each, the clusters that are asked for, such as `clusters`.

    Returns:
        float (n,) each, 0 to 1; of pictures without neighbours 1 for their own clusters.
    """
    if not near.shape[1]:
        return [(clusters == each).astype(float) for each in asked]
    return sure(near, distances, clusters, supported(near, distances, runs, clusters), asked)


def supported(near: np.ndarray, distances: np.ndarray, runs: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The support of pictures in their own clusters, float (n,); the arguments are those of `confidences`."""
    # Numbers of clusters may have gaps, and be negative.
    agreed = sureness(list(runs.T), np.unique(clusters, return_inverse=True)[1])
    shares: np.ndarray = (_weights(distances) * (clusters[near] == clusters[:, None])).sum(1)
    result: np.ndarray = agreed * shares
    return result


def sure(
    near: np.ndarray, distances: np.ndarray, clusters: np.ndarray, support: np.ndarray, asked: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """How sure it is that m pictures belong to clusters, which may be others than those that are near to them.

    Args:
        near: int (m, count), at least one, the nearest of n pictures to each.
        distances: float (m, count), theirs.
        clusters: int (n,), of the pictures that are near.
        support: float (n,), theirs.
        asked: int (m,) each, see `confidences`.
    """
    weights = _weights(distances)
    # A sum of shares may be larger than 1 in its last bit.
    return [np.minimum((weights * (clusters[near] == each[:, None]) * support[near]).sum(1), 1) for each in asked]


def _weights(distances: np.ndarray) -> np.ndarray:
    """Of the nearest pictures: those further off count less, down to 1/e."""
    weights = np.exp(-((distances / np.maximum(distances[:, -1:], 1e-12)) ** 2).astype(np.float64))
    result: np.ndarray = weights / weights.sum(1, keepdims=True)
    return result
