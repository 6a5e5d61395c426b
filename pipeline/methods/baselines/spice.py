"""SPICE (Niu, Shan and Wang, SPICE: Semantic Pseudo-Labeling for Image Clustering, IEEE TIP 2022), its head stage.

In turn, images are labelled and the head learns the labels. For each cluster, the images of a batch that are the
surest of it have a mean feature, its prototype, and the images whose features are nearest to it get its label, as
many in each cluster. The head learns the label from another view of the image, through a softmax of the softmax.

Taken: this stage, which the paper too runs on frozen features. Left out: the pretraining before it, and the training of
backbone and head together on reliable labels after it. Ours: one head in the place of ten; and a batch of
`fit.training`, where the authors label thousands of images at a time and learn them in several steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional

from pipeline.config.types import Range
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """SPICE's labelling."""

    pairs: Pairs = "views"
    """Paper: a weakly and a strongly augmented view."""
    confident: Annotated[float, Range(0.01, 1)] = 0.5
    """Paper: share of an even cluster whose mean is the prototype."""


def pseudo_labels(p: torch.Tensor, features: torch.Tensor, confident: float) -> torch.Tensor:
    """Which images of a batch get each cluster's label, int64 (clusters, count), count as in even clusters.

    An image may have several labels, or none.

    Args:
        p: probabilities (batch, clusters), without gradient.
        features: (batch, dim), of any length.
        confident: see `Settings`.
    """
    batch, clusters = p.shape
    each = max(batch // clusters, 1)
    unit = functional.normalize(features.float(), dim=1)
    sure = p.topk(max(int(confident * each), 1), dim=0).indices
    prototypes = unit[sure].mean(0)
    return (functional.normalize(prototypes, dim=1) @ unit.T).topk(each, dim=1).indices


def spice_loss(logits: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
    """The cross entropy in nats of the pseudo-labels and the softmax of the softmax.

    Args:
        logits: (batch, clusters).
        labelled: see `pseudo_labels`.
    """
    clusters, count = labelled.shape
    labels = torch.arange(clusters, device=logits.device).repeat_interleave(count)
    return functional.cross_entropy(logits.softmax(-1)[labelled.flatten()], labels)


class Spice:
    """SPICE's objective on a batch of pairs: each half learns the labels that the other one gives."""

    names: tuple[str, ...] = (TOTAL,)

    def __init__(self, head: Head, settings: Settings) -> None:
        self.head = head
        self.settings = settings

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss, the mean of both directions (ours); see `spice_loss`."""
        first, second = pair_logits(forward, ones, others)
        confident = self.settings.confident
        labelled = [
            pseudo_labels(logits.detach().softmax(-1), rows, confident)
            for logits, rows in ((first, self._standardised(ones)), (second, self._standardised(others)))
        ]
        return {TOTAL: (spice_loss(second, labelled[0]) + spice_loss(first, labelled[1])) / 2}

    def _standardised(self, embeddings: torch.Tensor) -> torch.Tensor:
        """As the head sees them."""
        return (embeddings - self.head.mean) / self.head.std

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The head that is trained."""
        return self.head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("spice", Settings)

    def objective(head: Head) -> Spice:
        return Spice(head, settings)

    yield from train_heads(problem, seeds, settings.pairs, Head, objective)
