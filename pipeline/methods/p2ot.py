"""P²OT (Zhang, Ren and He, Progressive Partial Optimal Transport for Deep Imbalanced Clustering, ICLR 2024).

A head learns from its own labels: those that move as many of the images as are taken, at the least cost, into clusters
that are held to even sizes only loosely. The share of the images that are taken grows along the training.

Taken: the transport with its virtual cluster, the curve of the share, the memory of the last predictions, and the cross
entropy with the other view's labels. Left out: the training of the backbone. Ours: the head, its training and the pairs
of all heads here; a step's scaling goes on from that of the last step for a fixed number of rounds; a label counts as
many times its even share as it moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn.functional import pad

from pipeline.config.types import Count, Range
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head, steps_for

restore = restore_head

LEAST = -600.0
"""The least logarithm in the scaling, where the paper has none: with 1e-261 float64 still divides."""


@dataclass(frozen=True)
class Settings:
    """P²OT's labels."""

    pairs: Pairs = "views"
    """Paper."""
    first_share: Annotated[float, Range(0.001, 1)] = 0.1
    """Paper: rho 0, the share of the images that is taken at the start; at the end all are."""
    size_weight: Annotated[float, Range(0.001)] = 1.0
    """Paper: of the divergence of the clusters' sizes from even ones; the larger, the more even they are."""
    epsilon: Annotated[float, Range(0.01)] = 0.1
    """Paper: of the entropy that makes the transport quick to solve."""
    rounds: Count = 50
    """Ours: of the scaling at each step; the paper's go on until nothing moves."""
    memory: Count = 5120
    """Paper: last predictions that are labelled beside the batch; of fewer images one each (ours)."""


def share_at(progress: torch.Tensor, first: float) -> torch.Tensor:
    """The share of the images that is taken, after a part of the training, 0 to 1: a sigmoid ramp from `first` to 1."""
    return first + (1 - first) * torch.exp(-5 * (1 - progress) ** 2)


def labels_of(
    log_p: torch.Tensor, mass: torch.Tensor, share: torch.Tensor, settings: Settings, before: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The plan Q of the least <Q, -log P> + gamma KL(Q^T 1 | share / clusters) with rows of at most `mass`.

    All of Q is `share`. What an image keeps goes into a virtual cluster at no cost, whose size is 1 - share; with the
    entropy of the plan, epsilon times, the solution is a scaling of exp(-cost / epsilon) by rows and columns
    (algorithm 1).

    Args:
        log_p: (n, clusters), the logarithms of the predictions.
        mass: float64 (n,), of each image, 1 in all; 0: the image is not there.
        share: float64 scalar, 0 to 1.
        settings: weight, epsilon and rounds.
        before: float64 (clusters + 1,), the columns' scaling to begin with; ones, or that of a problem much like it.

    Returns:
        float64 (n, clusters), and the columns' scaling. Where the rounds are too few, less or more than the share is
        taken.
    """
    clusters = log_p.shape[1]
    kernel = pad((log_p.double() / settings.epsilon).clamp_min(LEAST).exp(), (0, 1), value=1.0)
    sizes = torch.cat([(share / clusters).expand(clusters), (1 - share).reshape(1)])
    power = torch.full_like(sizes, settings.size_weight / (settings.size_weight + settings.epsilon))
    power[-1] = 1.0  # The virtual cluster's size is no wish.
    by_column = before
    for _ in range(settings.rounds):
        by_row = mass / (kernel @ by_column)
        by_column = (sizes / (by_row @ kernel)) ** power
    return (by_row[:, None] * kernel * by_column)[:, :clusters], by_column


class P2ot:
    """P²OT's objective on a batch of pairs, with the last predictions of either half."""

    names: tuple[str, ...] = ("share", TOTAL)

    def __init__(self, head: Head, clusters: int, images: int, steps: int, settings: Settings) -> None:
        self.head, self.settings, self.steps = head, settings, steps
        device, size = head.mean.device, min(settings.memory, images)
        self.memory = torch.zeros(2, size, clusters, device=device)
        self.there = torch.zeros(size, dtype=torch.float64, device=device)
        self.scaling = torch.ones(2, clusters + 1, dtype=torch.float64, device=device)
        self.step = torch.zeros((), dtype=torch.float64, device=device)

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The share that is taken, and the cross entropy of each half with the labels of the other."""
        first, second = (logits.log_softmax(-1) for logits in pair_logits(forward, ones, others))
        share = share_at(self.step / self.steps, self.settings.first_share)
        with torch.no_grad():
            labels = self._labelled(torch.stack([first, second]), share)
        loss = -(labels[0] * second + labels[1] * first).sum(-1).mean() / 2
        return {"share": share.float(), TOTAL: loss}

    def _labelled(self, predicted: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """The labels of both halves, (2, batch, clusters), of at most 1 an image; the predictions are remembered."""
        batch = predicted.shape[1]
        known = torch.cat([predicted, self.memory], 1)
        there = torch.cat([torch.ones_like(self.there[:1]).expand(batch), self.there])
        count = there.sum()
        labels = []
        for half, scaling in zip(known, self.scaling, strict=True):
            plan, after = labels_of(half, there / count, share, self.settings, scaling)
            scaling.copy_(after)
            labels.append(plan[:batch])
        self.memory.copy_(known[:, : self.memory.shape[1]])
        self.there.copy_(there[: len(self.there)])
        return (torch.stack(labels) * count).float()

    def stepped(self) -> None:
        """More images are taken at the next step."""
        self.step.add_(1)

    def kept(self) -> Head:
        """The head that is trained."""
        return self.head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings, clusters = problem.settings.section("p2ot", Settings), problem.dataset.clusters
    images = problem.stream.images if problem.stream else len(problem.views)
    _, _, steps = steps_for(problem.settings.training, images)

    def objective(head: Head) -> P2ot:
        return P2ot(head, clusters, images, steps, settings)

    yield from train_heads(problem, seeds, settings.pairs, Head, objective)
