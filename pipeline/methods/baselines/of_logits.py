"""Baselines whose objective is a function of the logits of a pair's halves, and keeps no state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.training import Forward, pair_logits

Terms = Callable[[torch.Tensor, torch.Tensor], dict[str, torch.Tensor]]
"""The terms by name, scalars, from the logits of both halves, (batch, clusters) each."""


class OfLogits:
    """Such an objective on a batch of pairs."""

    def __init__(self, head: Head, names: tuple[str, ...], terms: Terms) -> None:
        self.head = head
        self.names = names
        self.terms = terms

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total."""
        return self.terms(*pair_logits(forward, ones, others))

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> Head:
        """The head that is trained."""
        return self.head


def fit_of_logits(
    problem: Problem, seeds: list[int], pairs: str, names: tuple[str, ...], terms: Terms
) -> Iterator[Run]:
    """One head for each seed; see `train_heads`.

    Args:
        problem: the embeddings and the training.
        seeds: of the runs.
        pairs: which pairs.
        names: of the terms.
        terms: the objective.
    """
    yield from train_heads(problem, seeds, pairs, Head, lambda head: OfLogits(head, names, terms))
