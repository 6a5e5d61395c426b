"""PICA (Huang, Gong and Zhu, Deep Semantic Clustering by Partition Confidence Maximisation, CVPR 2020).

A cluster is the vector of all images' probabilities to be in it. A confident partition is one whose clusters have
cosines of 0 with each other, and each a cosine of 1 with itself on transformed images; the paper approximates that by
batches. Left out: the training of the backbone. An image's transformation is a view from the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional

from pipeline.config.types import NotNegative
from pipeline.heads import objectives
from pipeline.heads.problem import Problem, Run
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, restore_head
from pipeline.methods.baselines.of_logits import fit_of_logits

NAMES = ("uncertainty", "imbalance", TOTAL)

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """PICA's objective."""

    pairs: Pairs = "views"
    """Paper: an image and a random transformation of it."""
    balance_weight: NotNegative = 2.0
    """Paper: lambda."""


def pica_terms(logits: torch.Tensor, other_logits: torch.Tensor, balance_weight: float) -> dict[str, torch.Tensor]:
    """The two terms of PICA's objective for a batch of pairs, and their weighted sum.

    - ``uncertainty``: of the softmax of a cluster's cosines with all clusters of the other halves, the cross entropy
      with its own there, averaged over the clusters;
    - ``imbalance``: log k less the entropy of the first halves' mean probabilities, in nats; 0 where all are used
      alike.

    Args:
        logits: (batch, clusters), the images.
        other_logits: (batch, clusters), a transformation of each.
        balance_weight: of the imbalance.

    Returns:
        the terms by name. Permuting the clusters changes none; swapping the halves does, as in the paper.
    """
    clusters = logits.shape[-1]
    ones, others = (functional.normalize(each.softmax(-1), dim=0) for each in (logits, other_logits))
    cosines = ones.T @ others
    terms = {
        "uncertainty": -cosines.log_softmax(-1).diagonal().mean(),
        "imbalance": math.log(clusters) - objectives.mean_entropy(logits.log_softmax(-1)),
    }
    return {**terms, TOTAL: terms["uncertainty"] + balance_weight * terms["imbalance"]}


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed."""
    settings = problem.settings.section("pica", Settings)
    terms = partial(pica_terms, balance_weight=settings.balance_weight)
    yield from fit_of_logits(problem, seeds, settings.pairs, NAMES, terms)
