"""The clusters of affinities between images: those of their spectrum."""

from __future__ import annotations

import numpy as np
import scipy.linalg

LEAST = 1e-12
"""The least sum of an image's affinities that is divided by."""


def spectrum(affinities: np.ndarray, count: int) -> np.ndarray:
    """The leading eigenvectors of normalised affinities, float64 (n, count), the foremost last.

    Args:
        affinities: float (n, n), symmetric, not negative.
        count: at most n.
    """
    scale = 1 / np.sqrt(np.maximum(affinities.sum(1), LEAST))
    normalised = affinities.astype(np.float64) * scale * scale[:, None]
    images = len(affinities)
    _, vectors = scipy.linalg.eigh(normalised, subset_by_index=[images - count, images - 1])
    found: np.ndarray = vectors
    return found


def read_off(vectors: np.ndarray) -> np.ndarray:
    """Clusters by leading eigenvectors (n, clusters), one a cluster, int (n,).

    They are read off by a pivoted QR factorisation, which needs no start and no seed (Damle, Minden and Ying, Simple,
    direct and efficient multi-way spectral clustering, 2019); the authors of both methods use k-means.
    """
    _, pivots = scipy.linalg.qr(vectors.T, mode="r", pivoting=True)
    left, _, right = np.linalg.svd(vectors[pivots[: vectors.shape[1]]].T)
    found: np.ndarray = np.abs(vectors @ (left @ right)).argmax(1)
    return found


def spectral_clusters(affinities: np.ndarray, clusters: int) -> np.ndarray:
    """Clusters of affinities (n, n), int (n,); see `spectrum` and `read_off`."""
    return read_off(spectrum(affinities, clusters))
