"""What the objectives of the baselines must have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pipeline.heads.training import TOTAL, Objective

Terms = Callable[[torch.Tensor, torch.Tensor], dict[str, torch.Tensor]]

SHAPES = [(2, 2), (7, 3), (64, 10)]
"""Batches and clusters."""
DIM, HIDDEN, CLUSTERS = 6, (8, 8, 8, 8), 3


def logits_of(shape: tuple[int, int], scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Both halves of a batch, float32 of this shape each; the second is near the first."""
    generator = torch.Generator().manual_seed(0)
    ones, noise = torch.randn(2, *shape, generator=generator)
    return scale * ones, scale * (ones + 0.5 * noise)


def check_terms(terms: Terms, swaps: bool = True) -> None:
    """Finite, and the same with the clusters in another order and, if it should be, with the halves swapped."""
    for shape in SHAPES:
        for scale in (0.01, 1.0, 30.0):
            ones, others = logits_of(shape, scale)
            found = terms(ones, others)
            assert all(torch.isfinite(value) for value in found.values())
            order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(1))
            same = [terms(ones[:, order], others[:, order])] + ([terms(others, ones)] if swaps else [])
            for again in same:
                for name, value in found.items():
                    assert again[name].item() == pytest.approx(value.item(), rel=1e-4, abs=1e-5), name


def check_gradients(trained: nn.Module, objective: Objective, scale: float = 1.0) -> None:
    """The terms are those that it names, and their total has a finite gradient to all that is trained."""
    ones, noise = torch.randn(2, 32, DIM, generator=torch.Generator().manual_seed(2))
    others = ones + 0.3 * noise

    def forward(embeddings: torch.Tensor, other: nn.Module | None = None) -> torch.Tensor:
        logits: torch.Tensor = (other or trained)(scale * embeddings)
        return logits

    terms = objective(forward, ones, others)
    assert tuple(terms) == objective.names
    assert all(value.shape == () and torch.isfinite(value) for value in terms.values())
    terms[TOTAL].backward()
    for name, value in trained.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
        # Before a BatchNorm a bias changes nothing.
        assert value.ndim == 1 or value.grad.abs().max() > 0, name
