"""TCC (Shen, Shen, Wang, Qin, Torr and Shao, You Never Cluster Alone, NeurIPS 2021): clusters are contrasted as sets.

A cluster's representation in a batch is the sum of its images' features, weighted with their assignments; that of one
half of the pairs is to find that of the same cluster in the other half. An image is contrasted with all others after a
sample of its assignment, relaxed by Gumbel noise, has been added to its feature: the bound of its likelihood whose
other part is the divergence of the assignments from even ones.

Taken: both contrasts, the relaxation and the divergence. Left out: the training of the backbone, the momentum encoder,
and both memories of negatives; a batch of 512 has its own. Ours: the divergence is that of the batch's mean
assignment, as that of each image's own asks it to belong to no cluster; both contrasts go both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn
from torch.nn import functional

from pipeline.config.types import Count, NotNegative, Range
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head
from pipeline.methods.baselines.contrast import imbalance, matching
from pipeline.methods.baselines.projecting import Projecting

restore = restore_head

DRAWN = 2**20
"""Random numbers that a run draws before its first step and takes in turn, as a recorded step can draw none."""
STRIDE = 786_433
"""How far the next ones are from the last ones in it; prime, so that all are taken."""


@dataclass(frozen=True)
class Settings:
    """TCC's objective."""

    pairs: Pairs = "views"
    """Paper."""
    width: Count = 128
    """Ours: of the features."""
    temperature: Annotated[float, Range(0.01)] = 0.5
    """Ours, of both contrasts."""
    relaxation: Annotated[float, Range(0.01)] = 0.8
    """Ours: the temperature of the Gumbel softmax."""
    instance_weight: NotNegative = 1.0
    """Ours: of the contrast of images beside that of clusters."""
    balance_weight: NotNegative = 1.0
    """Of the divergence; the bound has it as it is."""


class Net(Projecting):
    """The head, the features, and the map that adds an assignment to a feature."""

    noise: torch.Tensor
    place: torch.Tensor

    def __init__(self, dim: int, hidden: tuple[int, ...], clusters: int, width: int) -> None:
        super().__init__(dim, hidden, clusters, width)
        self.context = nn.Linear(clusters, width, bias=False)
        self.register_buffer("noise", gumbel(DRAWN))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def drawn(self, rows: int) -> torch.Tensor:
        """The next random numbers, (rows, clusters)."""
        count = rows * self.clusters
        places = (self.place + torch.arange(count, device=self.place.device)) % DRAWN
        self.place.add_(STRIDE).remainder_(DRAWN)
        return self.noise[places].view(rows, self.clusters)


def gumbel(count: int) -> torch.Tensor:
    """Numbers of the standard Gumbel distribution, float32 (count,), from torch's global generator."""
    return -(-torch.rand(count).clamp(1e-7, 1 - 1e-7).log()).log()


def set_features(log_p: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Each cluster's representation in a batch, (clusters, width), at length 1.

    Args:
        log_p: log probabilities (batch, clusters).
        features: (batch, width), at length 1.
    """
    return functional.normalize(log_p.exp().T @ features, dim=1)


def tcc_terms(
    logits: tuple[torch.Tensor, torch.Tensor],
    features: tuple[torch.Tensor, torch.Tensor],
    context: torch.Tensor,
    noise: tuple[torch.Tensor, torch.Tensor],
    settings: Settings,
) -> dict[str, torch.Tensor]:
    """The three terms of TCC's objective for a batch of pairs, and their weighted sum.

    - ``clusters``: how badly a cluster's representation finds its partner, see `matching`;
    - ``images``: the same of the images' features with their sampled assignments added;
    - ``imbalance``: see there, the mean of both halves.

    Args:
        logits: (batch, clusters), of both halves.
        features: (batch, width), of both halves, of any length.
        context: (width, clusters), the map of assignments.
        noise: (batch, clusters), of both halves, from a standard Gumbel distribution.
        settings: the weights and temperatures.
    """
    log_p = [each.log_softmax(-1) for each in logits]
    unit = [functional.normalize(each, dim=1) for each in features]
    sets = [set_features(one, feature) for one, feature in zip(log_p, unit, strict=True)]
    sampled = [((one + drawn) / settings.relaxation).softmax(-1) for one, drawn in zip(log_p, noise, strict=True)]
    images = [feature + one @ context.T for feature, one in zip(unit, sampled, strict=True)]
    terms = {
        "clusters": matching(sets[0], sets[1], settings.temperature),
        "images": matching(images[0], images[1], settings.temperature),
        "imbalance": (imbalance(log_p[0]) + imbalance(log_p[1])) / 2,
    }
    weighted = settings.instance_weight * terms["images"] + settings.balance_weight * terms["imbalance"]
    return {**terms, TOTAL: terms["clusters"] + weighted}


class Tcc:
    """TCC's objective on a batch of pairs."""

    names: tuple[str, ...] = ("clusters", "images", "imbalance", TOTAL)

    def __init__(self, net: Net, settings: Settings) -> None:
        self.net = net
        self.settings = settings

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `tcc_terms`."""
        halves = [self.net.split(half) for half in pair_logits(forward, ones, others)]
        (first, one), (second, other) = halves
        noise = self.net.drawn(len(ones)), self.net.drawn(len(ones))
        return tcc_terms((first, second), (one, other), self.net.context.weight, noise, self.settings)

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The cluster head."""
        return self.net.plain()


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("tcc", Settings)

    def build(dim: int, hidden: tuple[int, ...], clusters: int) -> Net:
        return Net(dim, hidden, clusters, settings.width)

    yield from train_heads(problem, seeds, settings.pairs, build, lambda net: Tcc(net, settings))
