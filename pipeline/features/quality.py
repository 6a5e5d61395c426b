"""How good is a clustering? Criteria that ask the embeddings and other clusterings, and never a label.

What they are worth is measured by `pipeline compare`, where labels are known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

FOLDS = 3


def agreement(clusterings: Sequence[np.ndarray]) -> np.ndarray:
    """For each clustering the mean adjusted Rand index with all others, float64 (clusterings,), at most 1.

    The one that agrees most with the others is their medoid. A mistake that one method makes is seldom another's, so
    what methods of different kinds agree on is more often right (ours).

    Args:
        clusterings: int (n,) each, at least 2.
    """
    count = len(clusterings)
    indices = np.zeros((count, count))
    for one in range(count):
        for other in range(one):
            value = adjusted_rand_score(clusterings[one], clusterings[other])
            indices[one, other] = indices[other, one] = value
    mean: np.ndarray = indices.sum(1) / (count - 1)
    return mean


def neighbour_kappa(clusters: np.ndarray, neighbours: np.ndarray) -> float:
    """How often an image shares its cluster with its neighbours, beyond chance (Cohen's kappa), at most 1.

    Args:
        clusters: int (n,).
        neighbours: int (n, count), the nearest other images of each.
    """
    shared = float((clusters[neighbours] == clusters[:, None]).mean())
    shares = np.bincount(clusters) / len(clusters)
    chance = float(np.square(shares).sum())
    return (shared - chance) / (1 - chance) if chance < 1 else 0.0


def linear_kappa(rows: np.ndarray, clusters: np.ndarray) -> float | None:
    """How well a linear model predicts the clusters by cross-validation, as Cohen's kappa, at most 1.

    The idea is TURTLE's (Gadetsky et al., ICML 2024), who choose among labellings by it. None where it cannot be asked:
    of one cluster, or where one has fewer images than there are folds.

    Args:
        rows: float (n, dim).
        clusters: int (n,).
    """
    sizes = np.unique(clusters, return_counts=True)[1]
    if len(sizes) < 2 or sizes.min() < FOLDS:
        return None
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with threadpool_limits(1):
        predicted = cross_val_predict(RidgeClassifier(), rows, clusters, cv=folds)
    chance = float(np.square(sizes / len(clusters)).sum())
    return (float((predicted == clusters).mean()) - chance) / (1 - chance)


def silhouette(rows: np.ndarray, clusters: np.ndarray, most: int, seed: int) -> float:
    """The mean silhouette by cosine distance (Rousseeuw, 1987), from -1 to 1; of one cluster 0.

    Args:
        rows: float (n, dim).
        clusters: int (n,).
        most: of more images a sample is taken.
        seed: of the sample.
    """
    chosen = np.random.default_rng(seed).permutation(len(rows))[:most]
    groups = len(np.unique(clusters[chosen]))
    if not 1 < groups < len(chosen):
        return 0.0
    with threadpool_limits(1):
        return float(silhouette_score(rows[chosen], clusters[chosen], metric="cosine"))
