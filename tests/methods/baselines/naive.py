"""Sums and softmaxes in float64, written as loops, from which the twins of objectives are made."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

Rows = list[list[float]]
Halves = tuple[torch.Tensor, torch.Tensor]
"""Of the pairs of a batch."""
SHAPES = [(2, 2), (7, 3), (33, 10)]
"""Images and clusters of the batches that objectives are compared on."""


def drawn(shape: Sequence[int], seed: int, scale: float = 1.0) -> torch.Tensor:
    """Random numbers, float32."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def halves(shape: Sequence[int], seed: int, scale: float = 1.0) -> Halves:
    """Random numbers for both halves of a batch."""
    return drawn(shape, 2 * seed, scale), drawn(shape, 2 * seed + 1, scale)


def swapped(both: Halves) -> Halves:
    """The second half first."""
    return both[1], both[0]


def permuted(both: Halves) -> Halves:
    """The columns of both halves in another order, the same for all of one width."""
    order = torch.randperm(both[0].shape[1], generator=torch.Generator().manual_seed(0))
    return both[0][:, order], both[1][:, order]


def both_rows(both: Halves) -> tuple[Rows, Rows]:
    """Both halves as lists of float64."""
    return rows(both[0]), rows(both[1])


def numbers(terms: dict[str, torch.Tensor]) -> dict[str, float]:
    """The terms of an objective as numbers."""
    return {name: value.item() for name, value in terms.items()}


def rows(values: torch.Tensor) -> Rows:
    """A matrix as lists of float64."""
    result: Rows = values.double().tolist()
    return result


def softmax(values: Rows) -> Rows:
    """Of each row."""
    result = []
    for row in values:
        weights = [math.exp(value - max(row)) for value in row]
        result.append([weight / math.fsum(weights) for weight in weights])
    return result


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """The sum of the products."""
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def unit(row: Sequence[float]) -> list[float]:
    """The vector at length 1."""
    length = math.sqrt(dot(row, row))
    return [value / length for value in row]


def columns(values: Rows) -> Rows:
    """The matrix with rows and columns exchanged."""
    return [list(column) for column in zip(*values, strict=True)]


def matching(ones: Rows, others: Rows, temperature: float) -> float:
    """See `pipeline.methods.baselines.contrast.matching`."""
    count, loss = len(ones), 0.0
    first, second = [unit(row) for row in ones], [unit(row) for row in others]
    for one, other in ((first, second), (second, first)):
        for i in range(count):
            shares = [math.exp(dot(one[i], other[j]) / temperature) for j in range(count)]
            loss -= math.log(shares[i] / math.fsum(shares)) / (2 * count)
    return loss


def contrast(ones: np.ndarray, others: np.ndarray, temperature: float) -> float:
    """See `pipeline.methods.baselines.contrast.contrast`: vector by vector, both halves' losses averaged."""
    rows = [*ones.tolist(), *others.tolist()]
    count = len(ones)

    def alike(a: list[float], b: list[float]) -> float:
        dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
        return math.exp(dot / (math.hypot(*a) * math.hypot(*b)) / temperature)

    losses = []
    for i, row in enumerate(rows):
        below = math.fsum(alike(row, other) for j, other in enumerate(rows) if j != i)
        losses.append(-math.log(alike(row, rows[(i + count) % (2 * count)]) / below))
    return math.fsum(losses) / len(losses)


def imbalance(p: Rows) -> float:
    """See `pipeline.methods.baselines.contrast.imbalance`."""
    means = [math.fsum(column) / len(p) for column in columns(p)]
    return math.log(len(means)) + math.fsum(mean * math.log(mean) for mean in means)
