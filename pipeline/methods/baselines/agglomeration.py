"""Agglomeration on a directed graph of nearest neighbours, which JULE's labels are made by.

Zhang, Wang, Zhao and Tang, Graph Degree Linkage: Agglomerative Clustering on a Directed Graph, ECCV 2012.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from pipeline.features.neighbours import neighbours


def edges(vectors: np.ndarray, count: int, scale: float) -> np.ndarray:
    """The weight of the edge from each image to each of its nearest others, float32 (n, n): exp(-distance² / sigma²).

    Args:
        vectors: float32 (n, dim), at least 2.
        count: nearest others of each.
        scale: sigma², as a multiple of the mean squared distance of these.
    """
    found, distances = neighbours(vectors, count)
    squares = distances**2
    weights = np.zeros((len(vectors), len(vectors)), np.float32)
    unit = max(scale * float(squares.mean()), 1e-12)
    np.put_along_axis(weights, found, np.exp(-squares / unit), 1)
    return weights


def first_clusters(vectors: np.ndarray) -> np.ndarray:
    """The cluster of each image where it is joined to its nearest other one alone, int (n,), from 0 on."""
    found, _ = neighbours(vectors, 1)
    count = len(vectors)
    graph = scipy.sparse.coo_matrix((np.ones(count), (np.arange(count), found[:, 0])), (count, count))
    _, labels = connected_components(graph, directed=False)
    result: np.ndarray = labels
    return result


def merged(vectors: np.ndarray, weights: np.ndarray, labels: np.ndarray, clusters: int) -> np.ndarray:
    """Merges the two clusters of the largest affinity until there are so many, int (n,), from 0 on.

    The affinity of two clusters a and b adds up, over the images x of b, the weights from a to x times those from x to
    a, by the squared size of a; and the same with a and b exchanged. Where no two clusters have any, the nearest means
    are merged (ours).

    Args:
        vectors: float32 (n, dim).
        weights: see `edges`.
        labels: int (n,), from 0 on.
        clusters: how many are wanted; where there are as few already, nothing is merged.
    """
    labels = labels.copy()
    sizes = np.bincount(labels).astype(np.float64)
    count = len(sizes)
    members = np.zeros((count, len(labels)), np.float32)
    members[labels, np.arange(len(labels))] = 1
    away, back, sums = members @ weights, members @ weights.T, members @ vectors
    products = ((away * back) @ members.T).astype(np.float64)
    alive = np.ones(count, bool)
    for _ in range(count - clusters):
        affinity = products / (sizes**2)[:, None]
        affinity += affinity.T
        affinity[~alive] = affinity[:, ~alive] = -1
        np.fill_diagonal(affinity, -1)
        first, second = sorted(divmod(int(affinity.argmax()), count))
        if affinity[first, second] <= 0:
            first, second = _nearest_means(sums, sizes, alive)
        labels[labels == second] = first
        for each in (members, away, back, sums, sizes):
            each[first] += each[second]
        alive[second] = False
        products[:, first] += products[:, second]
        products[first] = (away[first] * back[first]) @ members.T
    found: np.ndarray = np.unique(labels, return_inverse=True)[1]
    return found


def _nearest_means(sums: np.ndarray, sizes: np.ndarray, alive: np.ndarray) -> tuple[int, int]:
    numbers = np.flatnonzero(alive)
    found, distances = neighbours((sums[numbers] / sizes[numbers, None]).astype(np.float32), 1)
    one = int(distances[:, 0].argmin())
    first, second = sorted((int(numbers[one]), int(numbers[found[one, 0]])))
    return first, second
