"""GCC (Zhong, Wu, Chen, Huang, Deng, Nie, Lin and Hua, Graph Contrastive Clustering, ICCV 2021).

The images are a graph of nearest neighbours. An image's feature is to be near those of its neighbours, as much as the
graph's normalised Laplacian has them joined, and far from all others; a cluster's images are to be the neighbours of
its images; and the clusters are to be even.

Taken: all three terms. The authors look for the neighbours again after each epoch, by features that move; here they
are those of the frozen embeddings: in the contrast of images the graph within the batch, in that of clusters the other
half of the pair. Left out: the training of the backbone and the self-labelling after it. Ours: an image's neighbours
stand in the denominator too, so its loss is at least 0, also where a batch holds nothing else; clusters are compared
both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
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


@dataclass(frozen=True)
class Settings:
    """GCC's objective."""

    pairs: Pairs = "neighbours"
    """Ours: the authors have an augmented view of the image beside its neighbours."""
    neighbours: Count = 5
    """Paper: of an image in the graph; ours: in that of a batch."""
    width: Count = 128
    """Paper: of the features."""
    temperature: Annotated[float, Range(0.01)] = 0.1
    """Paper, of the contrast of images."""
    cluster_temperature: Annotated[float, Range(0.01)] = 1.0
    """Paper, of that of clusters."""
    cluster_weight: NotNegative = 0.5
    """Paper: lambda."""
    balance_weight: NotNegative = 1.0
    """Paper: eta."""


def graph_of(embeddings: torch.Tensor, neighbours: int) -> torch.Tensor:
    """How much a batch's images are joined: minus the normalised Laplacian, without its diagonal, (batch, batch).

    Two images are joined where one is among the nearest of the other by the cosine.

    Args:
        embeddings: (batch, dim).
        neighbours: of each image; in a small batch all others but one, as there is something to tell them from.
    """
    unit = functional.normalize(embeddings.float(), dim=1)
    count = len(unit)
    itself = torch.eye(count, dtype=torch.bool, device=unit.device)
    cosines = (unit @ unit.T).masked_fill(itself, -2.0)
    near = cosines.topk(max(0, min(neighbours, count - 2)), dim=1).indices
    joined = torch.zeros_like(cosines).scatter_(1, near, 1.0)
    joined = torch.maximum(joined, joined.T)
    scale = joined.sum(1).clamp_min(1.0).rsqrt()
    return joined * scale * scale[:, None]


def graph_contrast(ones: torch.Tensor, others: torch.Tensor, graph: torch.Tensor, temperature: float) -> torch.Tensor:
    """How badly an image's neighbours are told from the rest of the batch: -mean log(P / (P + N)).

    P adds up exp(cosine / temperature) over the partners of an image's neighbours, weighted as the graph has them, and
    its own partner; N over the partners of all others.

    Args:
        ones: (batch, width).
        others: (batch, width), a partner of each.
        graph: see `graph_of`.
        temperature: what the cosines are divided by.
    """
    logits = functional.normalize(ones, dim=1) @ functional.normalize(others, dim=1).T / temperature
    weights = graph + torch.eye(len(graph), device=graph.device)
    positive = torch.logsumexp(logits + weights.clamp_min(1e-30).log(), 1)
    negative = torch.logsumexp(logits.masked_fill(weights > 0, -1e9), 1)
    return functional.softplus(negative - positive).mean()


def gcc_terms(
    logits: tuple[torch.Tensor, torch.Tensor],
    features: tuple[torch.Tensor, torch.Tensor],
    graph: torch.Tensor,
    settings: Settings,
) -> dict[str, torch.Tensor]:
    """The three terms of GCC's objective for a batch of pairs, and their weighted sum.

    - ``images``: see `graph_contrast`, the mean of both directions;
    - ``clusters``: how badly a cluster is told from the others by its images, see `matching`;
    - ``imbalance``: see there, the mean of both halves.

    Args:
        logits: (batch, clusters), of both halves.
        features: (batch, width), of both halves, of any length.
        graph: see `graph_of`.
        settings: weights and temperatures.
    """
    log_p = [each.log_softmax(-1) for each in logits]
    directions = (features, features[::-1])
    images = [graph_contrast(one, other, graph, settings.temperature) for one, other in directions]
    terms = {
        "images": (images[0] + images[1]) / 2,
        "clusters": matching(log_p[0].exp().T, log_p[1].exp().T, settings.cluster_temperature),
        "imbalance": (imbalance(log_p[0]) + imbalance(log_p[1])) / 2,
    }
    weighted = settings.cluster_weight * terms["clusters"] + settings.balance_weight * terms["imbalance"]
    return {**terms, TOTAL: terms["images"] + weighted}


class Gcc:
    """GCC's objective on a batch of pairs."""

    names: tuple[str, ...] = ("images", "clusters", "imbalance", TOTAL)

    def __init__(self, net: Projecting, settings: Settings) -> None:
        self.net = net
        self.settings = settings

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `gcc_terms`."""
        (first, one), (second, other) = (self.net.split(half) for half in pair_logits(forward, ones, others))
        graph = graph_of(ones, self.settings.neighbours)
        return gcc_terms((first, second), (one, other), graph, self.settings)

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The cluster head."""
        return self.net.plain()


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("gcc", Settings)

    def build(dim: int, hidden: tuple[int, ...], clusters: int) -> Projecting:
        return Projecting(dim, hidden, clusters, settings.width)

    yield from train_heads(problem, seeds, settings.pairs, build, lambda net: Gcc(net, settings))
