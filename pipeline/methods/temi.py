"""TEMI: several heads at once, each with a teacher, that maximise a weighted pointwise mutual information.

Adaloglou, Michels, Kalisch and Kollmann, Exploring the Limits of Deep Image Clustering using Pretrained Models, BMVC
2023.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch

from pipeline.config.types import Count, Range, Share
from pipeline.heads import objectives
from pipeline.heads.head import Head, Heads
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """TEMI's heads and objective."""

    pairs: Pairs
    heads: Count
    hidden: tuple[Count, ...]
    beta: Annotated[float, Range(0.01)]
    temperature: Annotated[float, Range(0.01)]
    teacher_momentum: Share
    marginal_momentum: Share


class Temi:
    """TEMI's objective on a batch of pairs, for all heads; their mean is minimised.

    The teachers start as the heads and follow them as an exponential mean of their weights; BatchNorm's statistics are
    the teachers' own. The run leaves the teacher whose head had the least loss so far, averaged over the steps (ours;
    the paper takes the last epoch's).
    """

    names: tuple[str, ...] = ("least", TOTAL)

    def __init__(self, heads: Heads, clusters: int, settings: Settings) -> None:
        self.settings = settings
        self.heads = heads
        self.teachers = copy.deepcopy(heads).requires_grad_(False)
        device = heads[0].mean.device
        self.marginal = torch.full((settings.heads, clusters), 1 / clusters, device=device)
        self.losses = torch.zeros(settings.heads, dtype=torch.float64, device=device)

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The mean loss of all heads and the least one; see `pipeline.heads.objectives.temi_losses`."""
        settings = self.settings
        students = [logits / settings.temperature for logits in pair_logits(forward, ones, others)]
        with torch.no_grad():
            teachers = [logits / settings.temperature for logits in pair_logits(forward, ones, others, self.teachers)]
            mean = torch.cat(teachers, 1).softmax(-1).mean(1)
            self.marginal.lerp_(mean, 1 - settings.marginal_momentum)
        losses = objectives.temi_losses(
            (students[0], students[1]), (teachers[0], teachers[1]), self.marginal, settings.beta
        )
        self.losses += losses.detach()
        return {"least": losses.min(), TOTAL: losses.mean()}

    @torch.no_grad()
    def stepped(self) -> None:
        """The teachers follow."""
        for teacher, student in zip(self.teachers.parameters(), self.heads.parameters(), strict=True):
            teacher.lerp_(student, 1 - self.settings.teacher_momentum)

    def kept(self) -> Head:
        """The teacher of the best head."""
        return self.teachers[int(self.losses.argmin())]


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One set of heads for each seed; see `train_heads`."""
    settings, clusters = problem.settings.section("temi", Settings), problem.dataset.clusters

    def build(dim: int, _: tuple[int, ...], clusters: int) -> Heads:
        return Heads(settings.heads, dim, settings.hidden, clusters)

    yield from train_heads(problem, seeds, settings.pairs, build, lambda heads: Temi(heads, clusters, settings))
