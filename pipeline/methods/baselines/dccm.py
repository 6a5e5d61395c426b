"""DCCM (Wu et al., Deep Comprehensive Correlation Mining for Image Clustering, ICCV 2019): what lives on features.

What a batch's first halves are predicted to be, their second halves learn: which images belong together (a graph, by
the cosine of their label features), and which cluster the sure ones are in. A third term raises the mutual information
of an image's prediction with its embedding and with that of another image which the graph joins it to; a discriminator
tells these pairs from unjoined ones.

Left out: the training of the backbone. The third term's shallow features are those of a convolution in the paper, and
here the embeddings themselves, which do not learn (ours). As in the paper, swapping the halves makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn
from torch.nn import functional

from pipeline.config.types import NotNegative, Range, Share
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head
from pipeline.methods.baselines.beside import HeadBeside
from pipeline.methods.baselines.label_features import label_features, spread_head

NAMES = ("graph", "label", "information", TOTAL)
LEAST = 1e-6
"""What a cosine or a probability is kept from 0 and from 1."""

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """DCCM's thresholds and weights; the values are those of the authors' code for CIFAR-10."""

    pairs: Pairs = "views"
    """Paper: an image and a random transformation of it."""
    alike: Share = 0.95
    """Cosine of the label features from which on the graph joins two images."""
    sure: Annotated[Share, Range(0.5)] = 0.9
    """Probability from which on a cluster is learnt."""
    label_weight: NotNegative = 5.0
    """Alpha."""
    information_weight: NotNegative = 0.05
    """Beta."""


class Discriminator(nn.Module):
    """Three layers on an embedding and a prediction side by side; the first is in two parts, as it is linear."""

    def __init__(self, dim: int, clusters: int, width: int) -> None:
        super().__init__()
        self.of_embedding = nn.Linear(dim, width, bias=False)
        self.of_prediction = nn.Linear(clusters, width, bias=False)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, 1))


def graph_term(joined: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The binary cross entropy of all pairs' cosines with the graph, at least 0.

    Args:
        joined: bool (batch, batch).
        logits: (batch, clusters), the images that learn it.
    """
    features = label_features(logits)
    cosines = (features @ features.T).clamp(LEAST, 1 - LEAST)
    return functional.binary_cross_entropy(cosines, joined.to(cosines.dtype))


def label_term(logits: torch.Tensor, other_logits: torch.Tensor, sure: float) -> torch.Tensor:
    """The binary cross entropy, over all clusters, with the cluster of the images that are sure of it; of others 0.

    Args:
        logits: (batch, clusters), which say the cluster.
        other_logits: (batch, clusters), which learn it.
        sure: the probability from which on they do.
    """
    best, cluster = logits.softmax(-1).max(-1)
    wanted = functional.one_hot(cluster, logits.shape[-1]).to(logits.dtype)
    probabilities = other_logits.softmax(-1).clamp(LEAST, 1 - LEAST)
    errors = functional.binary_cross_entropy(probabilities, wanted, reduction="none").mean(-1)
    return (errors * (best >= sure)).mean()


def triplets(cosines: torch.Tensor, joined: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Whose embeddings a prediction is shown with: int64 (4, batch), and bool (4, batch) whether each counts.

    First those that belong to it: the image itself, and the other one most like it, if the graph joins them. Then two
    strangers: the next and the next but one in the batch, if the graph does not.

    Args:
        cosines: (batch, batch), of the label features.
        joined: bool (batch, batch), the graph.
    """
    own = torch.arange(len(cosines), device=cosines.device)
    nearest = cosines.clone().fill_diagonal_(-1).argmax(1)
    shown = torch.stack([own, nearest, own.roll(-1), own.roll(-2)])
    edges = joined[own, shown]
    return shown, torch.cat([edges[:1] | True, edges[1:2], ~edges[2:]])


def information_term(scores: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The Jensen-Shannon estimate of the mutual information, at most 0 and to be large.

    Args:
        scores: (4, batch), the discriminator's; the first two rows belong together.
        counts: bool (4, batch), which of them to take.
    """
    losses = functional.softplus(torch.cat([-scores[:2], scores[2:]])) * counts
    halves = zip(losses.split(2), counts.split(2), strict=True)
    return -torch.stack([loss.sum() / count.sum().clamp_min(1) for loss, count in halves]).sum()


class Dccm:
    """DCCM's objective on a batch of pairs."""

    names: tuple[str, ...] = NAMES

    def __init__(self, trained: HeadBeside, settings: Settings) -> None:
        assert isinstance(trained.part, Discriminator)
        self.head = trained.head
        self.discriminator = trained.part
        self.settings = settings

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total: the graph and the weighted label, less the weighted information."""
        settings = self.settings
        given, learning = pair_logits(forward, ones, others, self.head)
        given = given.detach()
        features = label_features(given)
        cosines = features @ features.T
        joined = cosines >= settings.alike
        shown, counts = triplets(cosines, joined)
        terms = {
            "graph": graph_term(joined, learning),
            "label": label_term(given, learning, settings.sure),
            "information": information_term(self._scores(forward, ones, learning.softmax(-1), shown), counts),
        }
        weighted = settings.label_weight * terms["label"] - settings.information_weight * terms["information"]
        return {**terms, TOTAL: terms["graph"] + weighted}

    def _scores(
        self, forward: Forward, embeddings: torch.Tensor, predictions: torch.Tensor, shown: torch.Tensor
    ) -> torch.Tensor:
        standard = (embeddings - self.head.mean) / self.head.std
        first = forward(standard, self.discriminator.of_embedding)[shown]
        joined = first + forward(predictions, self.discriminator.of_prediction)
        return forward(joined, self.discriminator.rest).squeeze(-1)

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The head, without the discriminator."""
        return self.head


def with_discriminator(dim: int, hidden: tuple[int, ...], clusters: int) -> HeadBeside:
    """A head, and a discriminator as wide as its first layer."""
    return HeadBeside(spread_head(dim, hidden, clusters), Discriminator(dim, clusters, hidden[0]))


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("dccm", Settings)
    yield from train_heads(problem, seeds, settings.pairs, with_discriminator, lambda trained: Dccm(trained, settings))
