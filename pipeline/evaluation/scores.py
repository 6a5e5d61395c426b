"""How well an assignment to clusters fits known classes. Labels are read here and in `evaluate` alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix


def match(clusters: np.ndarray, classes: np.ndarray) -> dict[int, int]:
    """The best one-to-one matching of clusters to classes (Hungarian); their numbers may differ.

    Args:
        clusters: int (n,), the cluster of each image.
        classes: int (n,), its class.

    Returns:
        class of each matched cluster; where there are more clusters than classes, the others are left out.
    """
    cluster_ids, class_ids = np.unique(clusters), np.unique(classes)
    rows, columns = linear_sum_assignment(contingency_matrix(clusters, classes), maximize=True)
    return {int(cluster_ids[row]): int(class_ids[column]) for row, column in zip(rows, columns, strict=True)}


def accuracy(clusters: np.ndarray, classes: np.ndarray) -> float:
    """ACC: the share of images whose cluster is matched to their class, 0..1."""
    table = contingency_matrix(clusters, classes)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / len(clusters))


def nmi(clusters: np.ndarray, classes: np.ndarray) -> float:
    """NMI: mutual information over the arithmetic mean of both entropies, 0..1."""
    return float(normalized_mutual_info_score(classes, clusters, average_method="arithmetic"))


def ari(clusters: np.ndarray, classes: np.ndarray) -> float:
    """ARI: the Rand index adjusted for chance, at most 1; 0 on average for random clusters."""
    return float(adjusted_rand_score(classes, clusters))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"acc": accuracy, "nmi": nmi, "ari": ari}
