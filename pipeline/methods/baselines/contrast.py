"""What several contrastive objectives share: telling a vector's partner from all others, and how even clusters are."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from pipeline.heads.objectives import mean_entropy


def matching(ones: torch.Tensor, others: torch.Tensor, temperature: float) -> torch.Tensor:
    """How badly each vector's partner is told from all others by the cosine: a cross entropy in nats, at least 0.

    It is the mean of both directions, so swapping the halves changes nothing.

    Args:
        ones: (count, dim).
        others: (count, dim), a partner of each.
        temperature: what the cosines are divided by.
    """
    cosines = functional.normalize(ones, dim=1) @ functional.normalize(others, dim=1).T / temperature
    wanted = torch.arange(len(cosines), device=cosines.device)
    return (functional.cross_entropy(cosines, wanted) + functional.cross_entropy(cosines.T, wanted)) / 2


def contrast(ones: torch.Tensor, others: torch.Tensor, temperature: float) -> torch.Tensor:
    """The mean cross entropy of telling a vector's other half, by the cosine, from all other vectors of both halves.

    Args:
        ones: (n, width), the first half of each pair.
        others: (n, width), the second.
        temperature: that divides the cosines.
    """
    count = len(ones)
    vectors = functional.normalize(torch.cat([ones, others]), dim=1)
    cosines = vectors @ vectors.T / temperature
    itself = torch.eye(2 * count, dtype=torch.bool, device=ones.device)
    logs = cosines.masked_fill(itself, -torch.inf).log_softmax(-1)
    return -(logs.diagonal(count).sum() + logs.diagonal(-count).sum()) / (2 * count)


def imbalance(log_p: torch.Tensor) -> torch.Tensor:
    """How far the batch's mean distribution is from an even one: log k - H in nats, from 0 to log k.

    Args:
        log_p: log probabilities (batch, clusters).
    """
    return math.log(log_p.shape[1]) - mean_entropy(log_p)
