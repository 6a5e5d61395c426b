"""CC (Li, Hu, Liu, Peng, Zhou and Peng, Contrastive Clustering, AAAI 2021), its two contrasts on pairs of embeddings.

The rows of a batch's matrix of probabilities are images and its columns clusters. Of both kinds, the two that belong
together are to be more alike than any others: images by a projection of their own, clusters by their columns. Left
out: the training of the backbone. Both projections share the first four layers of the head, which stand in the
backbone's place; the cluster's is the head's last layer (ours; the paper's have two layers each).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn

from pipeline.config.types import Count, Range
from pipeline.heads import objectives
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, restore_head
from pipeline.methods.baselines.beside import HeadBeside, Trunk
from pipeline.methods.baselines.contrast import contrast

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """CC's projection and objective."""

    pairs: Pairs = "views"
    """Paper: two random transformations of an image."""
    width: Count = 128
    """Paper: of an image's projection."""
    temperature: Annotated[float, Range(0.01)] = 0.5
    """Paper: of the images."""
    cluster_temperature: Annotated[float, Range(0.01)] = 1.0
    """Paper."""


def cc_terms(
    logits: Sequence[torch.Tensor],
    vectors: Sequence[torch.Tensor],
    temperature: float,
    cluster_temperature: float,
) -> dict[str, torch.Tensor]:
    """The terms of CC's objective for a batch of pairs, and their sum, the entropy negative.

    - ``instances``: the contrast of the images' projections;
    - ``clusters``: that of the clusters' columns of probabilities;
    - ``entropy``: of both halves' mean probabilities, added, in nats; it is to be large.

    Args:
        logits: (batch, clusters), of both halves.
        vectors: (batch, width), the projections of both halves.
        temperature: of the images.
        cluster_temperature: of the clusters.

    Returns:
        the terms by name. Swapping the halves or permuting the clusters changes none.
    """
    columns = [each.softmax(-1).T for each in logits]
    terms = {
        "instances": contrast(vectors[0], vectors[1], temperature),
        "clusters": contrast(columns[0], columns[1], cluster_temperature),
        "entropy": torch.stack([objectives.mean_entropy(each.log_softmax(-1)) for each in logits]).sum(),
    }
    return {**terms, TOTAL: terms["instances"] + terms["clusters"] - terms["entropy"]}


class Cc:
    """CC's objective on a batch of pairs."""

    names: tuple[str, ...] = ("instances", "clusters", "entropy", TOTAL)

    def __init__(self, trained: HeadBeside, settings: Settings) -> None:
        self.trained = trained
        self.trunk = Trunk(trained.head)
        self.settings = settings

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `cc_terms`."""
        features = forward(torch.cat([ones, others]), self.trunk)
        logits, vectors = (
            forward(features, part).chunk(2) for part in (self.trained.head.layers[-1], self.trained.part)
        )
        settings = self.settings
        return cc_terms(logits, vectors, settings.temperature, settings.cluster_temperature)

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The head, without the images' projection."""
        return self.trained.head


def with_projection(dim: int, hidden: Sequence[int], clusters: int, width: int) -> HeadBeside:
    """A head, and two layers beside its last one."""
    before = hidden[-1]
    part = nn.Sequential(nn.Linear(before, before), nn.ReLU(), nn.Linear(before, width))
    return HeadBeside(Head(dim, hidden, clusters), part)


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("cc", Settings)

    def build(dim: int, hidden: tuple[int, ...], clusters: int) -> HeadBeside:
        return with_projection(dim, hidden, clusters, settings.width)

    yield from train_heads(problem, seeds, settings.pairs, build, lambda trained: Cc(trained, settings))
