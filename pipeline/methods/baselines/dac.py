"""DAC (Chang, Wang, Meng, Xiang and Pan, Deep Adaptive Image Clustering, ICCV 2017), on pairs of embeddings.

Whether two images belong together is asked of the cosine of their label features, the probabilities brought to length
1: above an upper threshold they do, below a lower one they do not, and between them the pair is left out. Both
thresholds close in on each other while the head trains.

Left out: the training of the backbone. Ours: the cosines are those of first with second halves, so that each image is
seen transformed; an image and its own second half always belong together; the thresholds meet at the end of the
training, however long it is; the loss is the mean over the pairs in use, the paper's their sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from pipeline.config.types import Share
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head, steps_for
from pipeline.methods.baselines.label_features import label_features, spread_head

NAMES = ("alike", "unlike", "used", TOTAL)
RISE = 0.1
"""What the lower threshold rises by while the upper one falls by 1 (paper)."""
LEAST = 1e-12
"""The least cosine, or what one lacks to 1, that has a logarithm."""

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """DAC's pairs and thresholds."""

    pairs: Pairs = "views"
    """Paper: images and random transformations of them."""
    upper: Share = 0.95
    """Paper: the cosine at the start, above which images belong together."""
    lower: Share = 0.455
    """Paper: the one below which they do not."""


def dac_terms(
    logits: torch.Tensor, other_logits: torch.Tensor, upper: torch.Tensor | float, lower: torch.Tensor | float
) -> dict[str, torch.Tensor]:
    """The binary cross entropy of the cosines of a batch's first and second halves, and its parts.

    - ``alike``: what the pairs above the upper threshold give, and each image with its own other half;
    - ``unlike``: what the others below the lower one give;
    - ``used``: the share of both among all pairs.

    Args:
        logits: (batch, clusters), one half of each pair.
        other_logits: (batch, clusters), the other half.
        upper: threshold of the cosine, at least `lower`.
        lower: threshold of the cosine.

    Returns:
        the terms by name; the total is the sum of the first two, in nats a pair in use. Swapping the halves or
        permuting the clusters changes none.
    """
    cosines = label_features(logits) @ label_features(other_logits).T
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    alike = (cosines >= upper) | itself
    unlike = (cosines < lower) & ~itself
    used = alike.sum() + unlike.sum()
    # Where a pair is not used, its logarithm has to be finite all the same, or its gradient is not.
    near, far = (each.clamp_min(LEAST).log() for each in (cosines, 1 - cosines))
    terms = {"alike": -(near * alike).sum() / used, "unlike": -(far * unlike).sum() / used}
    return {**terms, "used": used / cosines.numel(), TOTAL: terms["alike"] + terms["unlike"]}


class Dac:
    """DAC's objective on a batch of pairs, with its thresholds."""

    names: tuple[str, ...] = NAMES

    def __init__(self, head: Head, settings: Settings, steps: int) -> None:
        self.head = head
        self.settings = settings
        self.eased = torch.zeros((), device=head.mean.device)
        """Lambda: what the upper threshold fell by."""
        self.step = (settings.upper - settings.lower) / (1 + RISE) / steps

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `dac_terms`."""
        upper, lower = self.settings.upper - self.eased, self.settings.lower + RISE * self.eased
        return dac_terms(*pair_logits(forward, ones, others), upper, lower)

    def stepped(self) -> None:
        """The thresholds come nearer: gradient descent on their distance, which is linear in lambda."""
        self.eased += self.step

    def kept(self) -> Head:
        """The head that is trained."""
        return self.head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("dac", Settings)
    images = len(problem.views) if problem.stream is None else problem.stream.images
    _, _, steps = steps_for(problem.settings.training, images)

    def objective(head: Head) -> Dac:
        return Dac(head, settings, steps)

    yield from train_heads(problem, seeds, settings.pairs, spread_head, objective)
