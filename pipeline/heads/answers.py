"""What a person answered about some pictures, and what follows from it for the pictures that are like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.features.lengths import unit_length

NOISE = 0.05
"""Of an answer, beside the 1 that a picture has in common with itself: equal pictures may have been told apart."""
CLEAR = 0.7
"""What of a correction reaches a picture whose neighbours all share its cluster; all of it where half of them do not.
One answer alone then turns a clear-cut picture only if both are far nearer to each other than is usual."""
LEAST = 1e-6
"""What is believed of any cluster."""
AT_A_TIME = 8192
"""Pictures that answers are spread to together."""
ROUNDS = 3
"""What an answer such as "none of these" means depends on what is believed, and that on the answers."""


@dataclass(frozen=True)
class Answers:
    """Pictures are rows, clusters outputs of a head, both from 0 on."""

    belongs: Mapping[int, int] = field(default_factory=dict)
    """The cluster of each of these pictures."""
    excluded: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """The clusters that each of these pictures is none of."""
    together: Sequence[Sequence[int]] = ()
    """Pictures that are of one cluster, whichever."""
    apart: Sequence[Sequence[int]] = ()
    """Pictures no two of which are of one cluster."""

    def __bool__(self) -> bool:
        return bool(self.belongs or self.excluded or self.together or self.apart)

    def rows(self) -> list[int]:
        """All pictures that something is said of, in order."""
        groups = [row for group in (*self.together, *self.apart) for row in group]
        return sorted({*self.belongs, *self.excluded, *groups})

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of rows that are of one cluster, and those that are not, int (pairs, 2) each."""
        both = [
            np.array([(a, b) for group in groups for i, a in enumerate(group) for b in group[:i]], int).reshape(-1, 2)
            for groups in (self.together, self.apart)
        ]
        return both[0], both[1]


def spread(
    rows: np.ndarray, near: np.ndarray, clusters: np.ndarray, outputs: int, answers: Answers, reach: float
) -> np.ndarray:
    """What is believed of every picture: what the clustering says, corrected by the answers about pictures like it.

    Ours: the corrections are those of a Gaussian process (kriging) on the embeddings, whose mean is the clustering. Its
    kernel falls with the cosine distance of centred embeddings. Far from all answers the clustering stands as it is.

    Args:
        rows: float (n, dim), clean embeddings.
        near: int (n, count), the nearest other rows of each, the nearest first.
        clusters: int (n,), the clustering.
        outputs: of the head, all clusters that the answers name among them.
        answers: what is known.
        reach: how far an answer goes, as a multiple of the usual distance to the last of the near rows.

    Returns:
        float32 (n, outputs), positive, each row's sum is 1. Without answers the largest is that of the clustering.
    """
    prior = _prior(near, clusters, outputs)
    if not answers:
        return prior
    centred = unit_length(rows.astype(np.float32) - rows.mean(0, dtype=np.float32))
    usual = float(np.median(1 - (centred * centred[near[:, -1]]).sum(1))) if near.shape[1] else 1.0
    scale = max(reach * usual, 1e-6)
    open_minded = np.minimum(CLEAR + 2 * (1 - CLEAR) * (1 - prior.max(1)), 1)
    beliefs, before = prior, None
    for _ in range(ROUNDS):
        known, targets = _targets(beliefs, answers)
        if not len(known) or (before is not None and np.array_equal(before, targets)):
            break
        before = targets
        weights = np.linalg.solve(_kernel(centred[known], centred[known], scale) + NOISE * np.eye(len(known)),
                                  targets - prior[known])  # fmt: skip
        beliefs = np.empty_like(prior)
        for first in range(0, len(rows), AT_A_TIME):
            block = slice(first, first + AT_A_TIME)
            reached = _kernel(centred[block], centred[known], scale) @ weights
            beliefs[block] = prior[block] + open_minded[block, None] * reached
        beliefs[known] = targets
        beliefs = _shares(beliefs)
    return beliefs


def _prior(near: np.ndarray, clusters: np.ndarray, outputs: int) -> np.ndarray:
    """Half a picture's own cluster and half those of its neighbours, which tells the clear-cut from the others."""
    own = np.eye(outputs, dtype=np.float32)[clusters]
    if not near.shape[1]:
        return _shares(own)
    others = np.zeros_like(own)
    for column in near.T:
        others += own[column]
    return _shares(0.5 * own + 0.5 * others / near.shape[1])


def _shares(values: np.ndarray) -> np.ndarray:
    positive = np.maximum(values, LEAST)
    result: np.ndarray = (positive / positive.sum(1, keepdims=True)).astype(np.float32)
    return result


def _kernel(ones: np.ndarray, others: np.ndarray, scale: float) -> np.ndarray:
    result: np.ndarray = np.exp((np.minimum(ones @ others.T, 1.0) - 1.0) / scale)
    return result


def _targets(beliefs: np.ndarray, answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """The rows that the answers decide, int (m,), and what they decide, float32 (m, outputs)."""
    outputs = beliefs.shape[1]
    decided = {row: _only(cluster, outputs) for row, cluster in answers.belongs.items()}
    for row, clusters in answers.excluded.items():
        left = beliefs[row].copy()
        left[list(clusters)] = 0
        if row not in decided and len(set(clusters)) < outputs:
            decided[row] = left / left.sum()
    for group in answers.together:
        _join(group, beliefs, answers, decided)
    for group in answers.apart:
        _part(group, beliefs, answers, decided)
    known = sorted(decided)
    return np.array(known, int), np.array([decided[row] for row in known], np.float32).reshape(-1, outputs)


def _only(cluster: int, outputs: int) -> np.ndarray:
    result = np.zeros(outputs, np.float32)
    result[cluster] = 1
    return result


def _join(group: Sequence[int], beliefs: np.ndarray, answers: Answers, decided: dict[int, np.ndarray]) -> None:
    """A group goes where a member is known to belong, or where all of them together are believed to."""
    known = [answers.belongs[row] for row in group if row in answers.belongs]
    likely = np.log([decided.get(row, beliefs[row]) + LEAST for row in group]).sum(0)
    cluster = int(np.bincount(known).argmax()) if known else int(likely.argmax())
    for row in group:
        if row not in answers.belongs:
            decided[row] = _only(cluster, beliefs.shape[1])


def _part(group: Sequence[int], beliefs: np.ndarray, answers: Answers, decided: dict[int, np.ndarray]) -> None:
    """Of a group whose members share a cluster, each gets one of its own: the likeliest choice for all together."""
    current = np.array([decided.get(row, beliefs[row]) for row in group])
    members, clusters = linear_sum_assignment(-np.log(current + LEAST))
    for member, cluster in zip(members, clusters, strict=True):
        row = group[member]
        if row not in answers.belongs and current[member].argmax() != cluster:
            decided[row] = _only(int(cluster), beliefs.shape[1])
