"""SCAN's clustering step (Van Gansbeke et al., SCAN: Learning to Classify Images without Labels, ECCV 2020).

The head is trained so that an image and its neighbours fall into the same cluster. The paper's first step, the
pretraining, is the backbone's; its third, self-labelling on the sure images, is an option.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import torch

from pipeline.config.types import NotNegative, Range
from pipeline.heads import objectives
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import each_seed, train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, Progress, pair_logits, restore_head
from pipeline.methods.self_labelling import check_views, self_label

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """SCAN's objective, and what follows."""

    pairs: Pairs
    entropy_weight: NotNegative
    """Lambda."""
    self_labelling: Annotated[int, Range(0)]
    """Epochs of self-labelling after the clustering; 0: none."""


class Scan:
    """SCAN's objective on a batch of pairs, equation 2."""

    names: tuple[str, ...] = ("consistency", "entropy", TOTAL)

    def __init__(self, head: Head, entropy_weight: float) -> None:
        self.head = head
        self.entropy_weight = entropy_weight

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `pipeline.heads.objectives.scan_terms`."""
        terms = objectives.scan_terms(*pair_logits(forward, ones, others))
        return {**terms, TOTAL: terms["consistency"] - self.entropy_weight * terms["entropy"]}

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The head that is trained."""
        return self.head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`.

    Raises:
        PipelineError: if self-labelling is asked for without augmented views in memory.
    """
    settings = problem.settings.section("scan", Settings)

    def objective(head: Head) -> Scan:
        return Scan(head, settings.entropy_weight)

    if not settings.self_labelling:
        yield from train_heads(problem, seeds, settings.pairs, Head, objective)
        return
    check_views(problem)
    # No run has ended before its second training has.
    quiet = replace(problem, ended=lambda *_: None)
    clustered = dict(zip(seeds, train_heads(quiet, seeds, settings.pairs, Head, objective), strict=True))

    def labelled(seed: int, progress: Progress) -> Run:
        return self_label(problem, clustered[seed], settings.self_labelling, seed, progress)

    yield from each_seed(problem, seeds, labelled)
