"""SCP (arXiv 2502.04226): the cluster head trained on pairs of views, with Adam and cosine annealing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch

from pipeline.config.names import TERMS
from pipeline.config.settings import DatasetSettings
from pipeline.config.types import Count, OneOf, Share
from pipeline.heads import objectives
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, pair_logits, restore_head

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """SCP's objective."""

    pairs: Pairs
    terms: tuple[Annotated[str, OneOf(TERMS)], ...]
    balance_target: Share
    """Share of the entropy of even clusters up to which the balance term counts; below 1 clusters may be uneven."""
    unit_length: bool
    """Bring embeddings to length 1 before they are standardised."""
    starts: Count
    """Starts that a run tries; see `train_heads`."""


class Scp:
    """SCP's objective on a batch of pairs."""

    names: tuple[str, ...] = (*TERMS, TOTAL)

    def __init__(self, head: Head, settings: Settings, dataset: DatasetSettings) -> None:
        self.head = head
        self.terms = settings.terms
        self.balance_weight = dataset.balance_weight
        # Of both views together; evenly used clusters have the entropy log k.
        most = 2 * settings.balance_target * math.log(dataset.clusters)
        self.most_balance = most if settings.balance_target < 1 else None

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `pipeline.heads.objectives`."""
        logits_a, logits_b = pair_logits(forward, ones, others)
        terms = objectives.scp_terms(logits_a, logits_b)
        return {**terms, TOTAL: objectives.scp_total(terms, self.terms, self.balance_weight, self.most_balance)}

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The head that is trained."""
        return self.head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("scp", Settings)

    def objective(head: Head) -> Scp:
        return Scp(head, settings, problem.dataset)

    build = partial(Head, unit=settings.unit_length)
    yield from train_heads(problem, seeds, settings.pairs, build, objective, settings.unit_length, settings.starts)
