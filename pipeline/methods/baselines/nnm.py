"""NNM (Dang, Deng, Yang, Wei and Huang, Nearest Neighbor Matching for Deep Clustering, CVPR 2021).

As in SCAN, an image and its neighbour are to fall into the same cluster; and the neighbours are looked for again by the
features that are learnt, in the batch (local) and among all images (global). What matches is compared twice: image by
image, by the probability of the same cluster, and cluster by cluster, by which images are in it.

Taken: both levels, both comparisons and the entropy of SCAN. The other half of a pair is the neighbour that the
pretrained features give. Left out: the training of the backbone; the features that are learnt are the head's last
hidden layer. Ours: the global neighbour is the nearest among the last images that were seen, a quarter of an epoch of
8,000, where the paper goes through all images once an epoch; the comparison of clusters goes both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional

from pipeline.config.types import Count, NotNegative, Range
from pipeline.heads.head import Head
from pipeline.heads.objectives import mean_entropy
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head
from pipeline.methods.baselines.contrast import matching
from pipeline.methods.baselines.projecting import Projecting

restore = restore_head

LEAST = 1e-8
"""The least probability of the same cluster that has a logarithm."""


@dataclass(frozen=True)
class Settings:
    """NNM's objective."""

    pairs: Pairs = "neighbours"
    """Paper, as SCAN."""
    entropy_weight: NotNegative = 5.0
    """Paper, as SCAN."""
    temperature: Annotated[float, Range(0.01)] = 1.0
    """Paper: of the comparison of clusters, which has none."""
    memory: Count = 2048
    """Ours: images among which the global neighbour is looked for."""


def nearest_of(queries: torch.Tensor, rows: torch.Tensor, without: torch.Tensor | None = None) -> torch.Tensor:
    """The row with the largest cosine to each query, int64 (count,).

    Args:
        queries: (count, width).
        rows: (others, width), at length 1 or 0.
        without: bool (count, others): what is not meant; None: nothing.
    """
    cosines = functional.normalize(queries, dim=1) @ rows.T
    if without is not None:
        cosines = cosines.masked_fill(without, -2.0)
    return cosines.argmax(1)


def same_cluster(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """-mean log of the probability that an image and its match are in the same cluster, of probabilities
    (batch, clusters).
    """
    return -(p * q).sum(1).clamp_min(LEAST).log().mean()


def nnm_terms(
    logits: tuple[torch.Tensor, torch.Tensor], local: torch.Tensor, found: torch.Tensor, settings: Settings
) -> dict[str, torch.Tensor]:
    """The terms of NNM's objective for a batch of images, each with one neighbour, and their weighted sum.

    With p the assignments of the images and q those of their neighbours, p is matched with q, and q with the p of the
    image that is nearest in the batch:

    - ``images``: see `same_cluster`;
    - ``clusters``: how badly a cluster is told from the others by its images, see `matching`;
    - ``global``: the sum of both for p and q and the assignments of the global neighbours;
    - ``entropy``: of the batch's mean assignment, in nats; it is to be large.

    Args:
        logits: (batch, clusters), of the images and of their neighbours.
        local: int64 (batch,), the nearest other image of the batch.
        found: (batch, clusters), the assignments of each image's global neighbour, without gradient.
        settings: weight and temperature.
    """
    log_p = torch.cat([each.log_softmax(-1) for each in logits])
    both = log_p.exp()
    p, q = both.split(len(both) // 2)
    matched = torch.cat([q, p[local]])
    twice = torch.cat([found, found])
    terms = {
        "images": same_cluster(both, matched),
        "clusters": matching(both.T, matched.T, settings.temperature),
        "global": same_cluster(both, twice) + matching(both.T, twice.T, settings.temperature),
        "entropy": mean_entropy(log_p),
    }
    matches = terms["images"] + terms["clusters"] + terms["global"]
    return {**terms, TOTAL: matches - settings.entropy_weight * terms["entropy"]}


class Nnm:
    """NNM's objective on a batch of pairs, with the features and assignments of the last images that were seen.

    At the start all of them are assigned evenly, which moves no image.
    """

    names: tuple[str, ...] = ("images", "clusters", "global", "entropy", TOTAL)

    def __init__(self, net: Projecting, settings: Settings) -> None:
        self.net = net
        self.settings = settings
        device = net.mean.device
        self.features = torch.zeros(settings.memory, net.hidden[-1], device=device)
        self.assignments = torch.full((settings.memory, net.clusters), 1 / net.clusters, device=device)
        self.place = torch.zeros((), dtype=torch.int64, device=device)

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `nnm_terms`."""
        (first, features), (second, _) = (self.net.split(half) for half in pair_logits(forward, ones, others))
        with torch.no_grad():
            unit = functional.normalize(features, dim=1)
            itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
            local = nearest_of(unit, unit, itself)
            found = self.assignments[nearest_of(unit, self.features)]
            self._remember(unit, first.softmax(-1))
        return nnm_terms((first, second), local, found, self.settings)

    def _remember(self, features: torch.Tensor, assignments: torch.Tensor) -> None:
        count = min(len(features), len(self.features))
        places = (self.place + torch.arange(count, device=self.place.device)) % len(self.features)
        self.features.index_copy_(0, places, features[:count])
        self.assignments.index_copy_(0, places, assignments[:count])
        self.place.add_(count).remainder_(len(self.features))

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The cluster head."""
        return self.net.plain()


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("nnm", Settings)

    def build(dim: int, hidden: tuple[int, ...], clusters: int) -> Projecting:
        return Projecting(dim, hidden, clusters, None)

    yield from train_heads(problem, seeds, settings.pairs, build, lambda net: Nnm(net, settings))
