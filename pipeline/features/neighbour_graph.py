"""The graph that joins each image to its nearest neighbours: its weights, and what its Laplacian says."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import LinearOperator, eigsh
from threadpoolctl import threadpool_limits

from pipeline.features.neighbours import neighbours

SMALL = 500
"""Up to so many images all eigenvectors are computed, which is quick and needs no start."""


def shared_neighbours(rows: np.ndarray) -> csr_array:
    """Weights between neighbours: how many they share (Jarvis and Patrick, 1973), of the sqrt(n) nearest (ours).

    Args:
        rows: float (n, dim).
    """
    found, _ = neighbours(rows, max(2, round(len(rows) ** 0.5)))
    graph = _joined(found, np.ones(found.shape))
    return (graph @ graph.T).multiply(graph.maximum(graph.T)).tocsr()


def self_tuning(found: np.ndarray, distances: np.ndarray, scale: int) -> csr_array:
    """Weights exp(-d^2 / (s s')), s the distance of an image to its `scale`-th neighbour (Zelnik-Manor and Perona,
    Self-tuning spectral clustering, 2004), between images of which one is among the nearest of the other.

    Args:
        found: int (n, near), the nearest other images of each, as of `neighbours`.
        distances: float (n, near), their distances.
        scale: 1 to near.
    """
    scales = np.maximum(distances[:, min(scale, distances.shape[1]) - 1].astype(np.float64), 1e-12)
    graph = _joined(found, np.exp(-(distances.astype(np.float64) ** 2) / (scales[:, None] * scales[found])))
    return graph.maximum(graph.T).tocsr()


def leading_eigenvectors(graph: csr_array, count: int, tie: float) -> np.ndarray:
    """Eigenvectors of the normalised Laplacian with the smallest eigenvalues, float64 (n, count), the smallest first.

    Every pair of images gets a small weight beside, so that the graph is in one piece and a few images far from all
    others do not take an eigenvector each (Amini et al., Pseudo-likelihood methods for community detection, 2013).

    Args:
        graph: symmetric weights (n, n), not negative.
        count: how many, at most n.
        tie: what these weights add to each image's degree, as a share of the mean degree; above 0.
    """
    images = graph.shape[0]
    degrees = np.asarray(graph.sum(1)).ravel()
    added = tie * float(degrees.mean())
    scale = 1 / np.sqrt(degrees + added)

    def multiply(x: np.ndarray) -> np.ndarray:
        scaled = scale * x.ravel()
        product: np.ndarray = scale * (graph @ scaled + added / images * scaled.sum())
        return product

    # The largest eigenvalues of the normalised weights are one minus the smallest of the Laplacian.
    with threadpool_limits(1):
        if images <= max(SMALL, 2 * count):
            dense = scale[:, None] * (graph.toarray() + added / images) * scale
            values, vectors = np.linalg.eigh(dense)
        else:
            operator = LinearOperator((images, images), matvec=multiply, dtype=np.float64)
            start = np.random.default_rng(0).standard_normal(images)
            values, vectors = eigsh(operator, count, which="LA", v0=start)
    largest: np.ndarray = vectors[:, np.argsort(-values, kind="stable")[:count]]
    return largest


def _joined(found: np.ndarray, weights: np.ndarray) -> csr_array:
    """Each image joined to those that were found for it, (n, n), in this direction alone."""
    count, near = found.shape
    ones = np.repeat(np.arange(count), near)
    return coo_array((weights.ravel(), (ones, found.ravel())), shape=(count, count)).tocsr()
