"""How stable clusters are: what becomes of them when the pictures are disturbed, or fitted once more. No labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, roc_auc_score

FEWER, SEEDS = "fewer-pictures", "other-seeds"
"""The kinds of trials that fit once more."""
REFITS = (FEWER, SEEDS)
NOWHERE = -1
"""The cluster that a picture goes to which stays, or goes to none of those that there are."""
HOLDS, BORDER, APART = "holds", "border", "apart"
"""What is said of a cluster, see `verdict`."""
LEAST = {HOLDS: 0.75, BORDER: 0.6, APART: 0.0}
"""Its mean Jaccard index at least: Hennig's limits (documentation of clusterboot in his R package fpc)."""
HALF = 0.5
"""A picture wanders that stays in fewer of the fits, or of the disturbances, than this share (ours)."""


@dataclass(frozen=True)
class Trial:
    """Some of the pictures once more."""

    kind: str
    """One of `REFITS`, or what the pictures were disturbed by."""
    rows: np.ndarray
    """int (m,), the pictures."""
    clusters: np.ndarray
    """int (m,), the cluster of each there, by the numbers of the result; below 0: one that the result has not."""


@dataclass(frozen=True)
class Planned:
    """A trial that is to be made."""

    name: str
    kind: str
    count: int
    """Of its pictures."""
    made_from: Any
    """Plain data: what decides it, beside the result."""
    make: Callable[[], Trial]


@dataclass(frozen=True)
class Stability:
    """What trials say of a clustering. Shares are NaN where nothing was tried."""

    clusters: np.ndarray
    """int (n,), the cluster of each picture."""
    kinds: tuple[str, ...]
    """Of the trials, in their order."""
    stays: np.ndarray
    """float (n,), the share of the fits in which a picture is in its cluster."""
    goes: np.ndarray
    """int (n,), where it is most often if not in its cluster, over all trials; `NOWHERE`: it never left."""
    by_kind: np.ndarray
    """float (n, kinds), the share of the trials of a kind in which it is in its cluster."""
    numbers: tuple[int, ...]
    """Of the clusters, ascending."""
    jaccard: np.ndarray
    """float (clusters,), the mean over the fits of how far a cluster was found again, 0 to 1."""
    cluster_by_kind: np.ndarray
    """float (clusters, kinds), the share of its pictures that stay, mean over the trials of a kind."""
    ari: np.ndarray
    """float (kinds,), adjusted Rand index of the result and a trial, mean over the trials of a kind."""
    moved: np.ndarray
    """float (kinds,), the share of the pictures that leave their cluster."""
    auroc: np.ndarray
    """float (kinds,), how well a low confidence foretells which do; 0.5: not at all."""

    @property
    def undisturbed(self) -> np.ndarray:
        """float (n,), the share of the kinds of disturbances in which a picture stays, NaN where there were none."""
        return mean_of(self.by_kind[:, [kind not in REFITS for kind in self.kinds]])

    @property
    def wandering(self) -> np.ndarray:
        """bool (n,), see `HALF`."""
        wandering: np.ndarray = (self.stays < HALF) | (self.undisturbed < HALF)
        return wandering


def verdict(jaccard: float) -> str:
    """What a mean Jaccard index says of a cluster; empty: there is none, as nothing was fitted."""
    return next((word for word, least in LEAST.items() if jaccard >= least), "")


def renumbered(clusters: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Another clustering of the same pictures by the numbers of the first.

    Clusters are paired so that they share the most pictures (Kuhn, Naval Research Logistics 1955).

    Args:
        clusters: int (n,), of the first.
        outputs: int (n,), of the other, 0 or more.

    Returns:
        int (n,), below 0 where a cluster has no partner.
    """
    numbers, first = np.unique(clusters, return_inverse=True)
    others, second = np.unique(outputs, return_inverse=True)
    shared = np.zeros((len(numbers), len(others)), dtype=np.int64)
    np.add.at(shared, (first, second), 1)
    called = -1 - others
    for row, column in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        if shared[row, column]:
            called[column] = numbers[row]
    result: np.ndarray = called[second]
    return result


def measured(clusters: np.ndarray, confidences: np.ndarray, trials: Sequence[Trial]) -> Stability:
    """How stable a clustering is.

    The stability of a cluster is its mean Jaccard index with its partner in each fit (Hennig, Cluster-wise assessment
    of cluster stability, Computational Statistics & Data Analysis 2007), over the pictures that were fitted. He takes
    the best partner; here no two clusters share one (ours).

    Args:
        clusters: int (n,), of each picture, 0 or more.
        confidences: float (n,), of each.
        trials: at least one.
    """
    kinds = tuple(dict.fromkeys(trial.kind for trial in trials))
    numbers = np.unique(clusters)
    stayed, tried = np.zeros((2, len(clusters), len(kinds)))
    left: list[tuple[np.ndarray, np.ndarray]] = []
    jaccard, shares = [], [list[np.ndarray]() for _ in kinds]
    for trial in trials:
        column, own = kinds.index(trial.kind), clusters[trial.rows]
        same = own == trial.clusters
        stayed[trial.rows, column] += same
        tried[trial.rows, column] += 1
        left.append((trial.rows[~same], trial.clusters[~same]))
        inside = own == numbers[:, None]
        both = (inside & same).sum(1)
        shares[column].append(_shares(both, inside.sum(1)))
        if trial.kind in REFITS:
            either = (inside | (trial.clusters == numbers[:, None])).sum(1)
            jaccard.append(np.where(inside.any(1), _shares(both, either), np.nan))
    refits = [kind in REFITS for kind in kinds]
    return Stability(
        clusters,
        kinds,
        _shares(stayed[:, refits].sum(1), tried[:, refits].sum(1)),
        _most_often(len(clusters), left),
        _shares(stayed, tried),
        tuple(numbers.tolist()),
        mean_of(np.stack(jaccard, 1)) if jaccard else np.full(len(numbers), np.nan),
        np.stack([mean_of(np.stack(each, 1)) for each in shares], 1),
        *np.array([_of_kind(clusters, confidences, [t for t in trials if t.kind == kind]) for kind in kinds]).T,
    )


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient, NaN where the whole is 0."""
    shares: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return shares


def mean_of(values: np.ndarray) -> np.ndarray:
    """The mean of each row of float (n, m) over what is there; NaN where nothing is."""
    there = ~np.isnan(values)
    return _shares(np.where(there, values, 0).sum(1), there.sum(1))


def _most_often(count: int, left: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Where each of so many pictures went most often, of equals to the first number."""
    goes = np.full(count, NOWHERE, dtype=np.int64)
    rows = np.concatenate([rows for rows, _ in left])
    to = np.concatenate([clusters for _, clusters in left])
    pairs, times = np.unique(np.stack([rows[to >= 0], to[to >= 0]]), axis=1, return_counts=True)
    for place in np.lexsort((-pairs[1], times)).tolist():  # The last one that is written stays.
        goes[pairs[0, place]] = pairs[1, place]
    return goes


def _of_kind(clusters: np.ndarray, confidences: np.ndarray, trials: Sequence[Trial]) -> tuple[float, float, float]:
    """ARI, share moved and AUROC over trials of a kind."""
    aris = [adjusted_rand_score(clusters[trial.rows], trial.clusters) for trial in trials]
    moved = np.concatenate([clusters[trial.rows] != trial.clusters for trial in trials])
    doubt = 1 - np.concatenate([confidences[trial.rows] for trial in trials])
    auroc = roc_auc_score(moved, doubt) if 0 < moved.sum() < len(moved) else np.nan
    return float(np.mean(aris)), float(moved.mean()), float(auroc)
