"""Coarse, medium and fine: groups of a collection's clusters, the clusters, and parts of each, one in the other."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from threadpoolctl import threadpool_limits

from pipeline.collection.estimate import Estimate
from pipeline.collection.grouping import COARSE, FINE, grouped
from pipeline.report.projection import sample

MOST_PARTS = 4
"""Parts for each cluster at most, whatever the estimate says."""
FEWEST = 3
"""Pictures of a part."""
LOOKED_AT = 2000
"""Pictures that a split is found with; the others go to the nearer side."""


@dataclass(frozen=True)
class Levels:
    """What lies above and below the clusters."""

    groups: list[list[int]]
    """The numbers of the clusters, group by group: each cluster is in one."""
    parts: np.ndarray
    """int (n,), the part that each picture is in, from 0 on over all clusters; each is of one cluster."""


def nested_levels(rows: np.ndarray, clusters: np.ndarray, estimate: Estimate | None = None) -> Levels:
    """The levels above and below clusters, which stay what they are.

    The coarse level has as many groups as the estimate's lower end, and the fine one as many parts as its upper end,
    where these lie beyond the number of clusters.

    Args:
        rows: float (n, dim), embeddings of length 1.
        clusters: int (n,), the number of each picture's cluster.
        estimate: of the number of clusters.
    """
    numbers, index, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    count = len(numbers)
    coarse, fine = max(2, round(COARSE * count)), round(FINE * count)
    if estimate is not None:
        coarse = estimate.low if 1 < estimate.low < count else coarse
        fine = min(estimate.high, MOST_PARTS * count) if estimate.high > count else fine
    means = np.stack([rows[index == each].mean(0, dtype=np.float64) for each in range(count)])
    found = grouped(means, sizes, coarse)
    groups = [numbers[found == group].tolist() for group in range(found.max() + 1)]
    with threadpool_limits(1):  # How sums are split among threads decides their last bits.
        return Levels(groups, parted(rows, index, fine))


def parted(rows: np.ndarray, clusters: np.ndarray, count: int) -> np.ndarray:
    """Parts of clusters by bisecting k-means: again and again the part is split in two that gains the most by it.

    Args:
        rows: float (n, dim).
        clusters: int (n,), from 0 on without gaps.
        count: parts of all clusters together; there are fewer where none can be split any more.

    Returns:
        int (n,), the part of each, numbered cluster by cluster.
    """
    whole = [np.flatnonzero(clusters == cluster) for cluster in range(clusters.max() + 1)]
    done: list[np.ndarray] = []
    waiting: list[tuple[float, int, np.ndarray, list[np.ndarray]]] = []
    for members in whole:
        _offer(rows, members, waiting, done)
    while waiting and len(waiting) + len(done) < count:
        _, _, _, halves = heapq.heappop(waiting)
        for half in halves:
            _offer(rows, half, waiting, done)
    parts = sorted([*done, *(members for _, _, members, _ in waiting)], key=lambda part: (clusters[part[0]], part[0]))
    result = np.empty(len(rows), np.int64)
    for part, members in enumerate(parts):
        result[members] = part
    return result


def _offer(
    rows: np.ndarray,
    members: np.ndarray,
    waiting: list[tuple[float, int, np.ndarray, list[np.ndarray]]],
    done: list[np.ndarray],
) -> None:
    """Puts a part among those that can be split, by what that gains, or among those that cannot."""
    halves = _halves(rows, members)
    if len(halves) < 2:
        done.append(members)
        return
    first, second = (rows[half].mean(0, dtype=np.float64) for half in halves)
    gain = len(halves[0]) * len(halves[1]) / len(members) * ((first - second) ** 2).sum()
    # No two parts have their first picture in common, so the heap never compares arrays.
    heapq.heappush(waiting, (-float(gain), int(members[0]), members, halves))


def _halves(rows: np.ndarray, members: np.ndarray) -> list[np.ndarray]:
    """The two sides of a part, the one with its first picture first; only the part itself if it cannot be split."""
    looked_at = rows[members[sample(len(members), LOOKED_AT, 0)]].astype(np.float32)
    if len(members) < 2 * FEWEST or (looked_at == looked_at[0]).all():
        return [members]
    centres = KMeans(2, n_init=3, random_state=0).fit(looked_at).cluster_centers_
    side = pairwise_distances_argmin(rows[members].astype(np.float32), centres)
    halves = [members[side == side[0]], members[side != side[0]]]
    return halves if min(map(len, halves)) >= FEWEST else [members]
