"""IIC (Ji, Henriques and Vedaldi, Invariant Information Clustering, ICCV 2019), its objective on pairs of embeddings.

The clusters of a pair's halves are to tell as much of each other as they can: their mutual information, equation 3, of
the joint distribution that a batch gives. Left out: the training of the backbone, the second head with more clusters,
and the five copies of each head. An image's transformation is a view from the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from pipeline.config.types import NotNegative
from pipeline.heads.problem import Problem, Run
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, restore_head
from pipeline.methods.baselines.of_logits import fit_of_logits

NAMES = ("joint", "entropy", TOTAL)

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """IIC's objective."""

    pairs: Pairs = "views"
    """Paper: an image and a random transformation of it."""
    entropy_weight: NotNegative = 2.0
    """Ours, so that clusters do not merge: at 1, the mutual information and the paper's, even separate groups may."""


def iic_terms(logits: torch.Tensor, other_logits: torch.Tensor, entropy_weight: float) -> dict[str, torch.Tensor]:
    """The two entropies, in nats, whose difference is the mutual information, and minus that difference.

    The joint distribution of both halves' clusters is the mean over the batch of the products of their probabilities,
    made symmetric.

    - ``joint``: its entropy, from 0 to 2 log k;
    - ``entropy``: those of both its margins, added, from 0 to 2 log k; they are to be large.

    Args:
        logits: (batch, clusters), one half of each pair.
        other_logits: (batch, clusters), the other half.
        entropy_weight: of the margins.

    Returns:
        the terms by name. Swapping the halves or permuting the clusters changes none.
    """
    joint = logits.softmax(-1).T @ other_logits.softmax(-1) / len(logits)
    joint = ((joint + joint.T) / 2).clamp_min(torch.finfo(joint.dtype).tiny)
    margin = joint.sum(0)
    terms = {"joint": -(joint * joint.log()).sum(), "entropy": -2 * (margin * margin.log()).sum()}
    return {**terms, TOTAL: terms["joint"] - entropy_weight * terms["entropy"]}


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed."""
    settings = problem.settings.section("iic", Settings)
    terms = partial(iic_terms, entropy_weight=settings.entropy_weight)
    yield from fit_of_logits(problem, seeds, settings.pairs, NAMES, terms)
