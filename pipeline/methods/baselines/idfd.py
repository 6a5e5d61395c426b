"""IDFD (Tao, Takagi and Nakata, Clustering-friendly Representation Learning via Instance Discrimination and Feature
Decorrelation, ICLR 2021).

An embedding is learnt in which every image is told from all others, and every dimension, as a vector over the images,
from all other dimensions; k-means clusters it.

Taken: both terms, and k-means. Left out: the training of the backbone, and the memory of all images; an image is told
from the others of its batch, by the other half of its pair (ours). The net is the five-layer head with as many units in
its last layer as the embedding is to have.
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
from pipeline.heads.training import TOTAL, Forward, pair_logits
from pipeline.methods.baselines import learnt
from pipeline.methods.baselines.contrast import matching

restore = learnt.restore


@dataclass(frozen=True)
class Settings:
    """IDFD's embedding and objective."""

    pairs: Pairs = "views"
    """Paper: an augmented view of an image and its memory, which is made of earlier ones."""
    width: Count = 128
    """Paper: of the embedding."""
    temperature: Annotated[float, Range(0.01)] = 1.0
    """Paper, of the images."""
    feature_temperature: Annotated[float, Range(0.01)] = 2.0
    """Paper, of the dimensions."""
    feature_weight: NotNegative = 1.0
    """Paper: alpha."""


def idfd_terms(ones: torch.Tensor, others: torch.Tensor, settings: Settings) -> dict[str, torch.Tensor]:
    """The two terms of IDFD's objective for a batch of pairs, and their weighted sum.

    - ``images``: how badly an image is told from the others, see `matching`;
    - ``features``: how badly a dimension is told from the others: the same of the dimensions over both halves with
      themselves.

    Args:
        ones: (batch, width), of any length.
        others: the same of the other halves.
        settings: weight and temperatures.
    """
    vectors = functional.normalize(torch.cat([ones, others]), dim=1)
    first, second = vectors.split(len(ones))
    terms = {
        "images": matching(first, second, settings.temperature),
        "features": matching(vectors.T, vectors.T, settings.feature_temperature),
    }
    return {**terms, TOTAL: terms["images"] + settings.feature_weight * terms["features"]}


class Idfd:
    """IDFD's objective on a batch of pairs."""

    names: tuple[str, ...] = ("images", "features", TOTAL)

    def __init__(self, net: Head, settings: Settings) -> None:
        self.net = net
        self.settings = settings

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `idfd_terms`."""
        return idfd_terms(*pair_logits(forward, ones, others), self.settings)

    def stepped(self) -> None:
        """Nothing follows the net."""

    def kept(self) -> Head:
        """The net that is trained."""
        return self.net


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One net for each seed and the k-means of what it learnt; the loss is that of the net."""
    settings = problem.settings.section("idfd", Settings)

    def build(dim: int, hidden: tuple[int, ...], _: int) -> Head:
        return Head(dim, hidden, settings.width)

    def train(given: Problem, seeds: list[int]) -> Iterator[Run]:
        return train_heads(given, seeds, settings.pairs, build, lambda net: Idfd(net, settings))

    yield from learnt.clustered(problem, seeds, train)
