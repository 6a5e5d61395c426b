"""What holds for every objective on pairs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from pipeline.heads.training import TOTAL, Objective
from tests.methods.baselines.naive import drawn


def plain_forward(trained: nn.Module) -> Callable[..., torch.Tensor]:
    """A module as an objective is handed it, without autocast."""
    return lambda rows, other=None: (other or trained)(rows)


def check_gradients(trained: nn.Module, objective: Objective, dim: int, images: int = 32) -> None:
    """The terms are those named, finite, and the total moves every parameter of what is trained.

    Args:
        trained: the head, or what has one.
        objective: made for it.
        dim: of the embeddings.
        images: of the batch.
    """
    ones = drawn((images, dim), 1)
    terms = objective(plain_forward(trained), ones, ones + drawn((images, dim), 2, 0.3))
    assert set(terms) == set(objective.names)
    assert all(torch.isfinite(value) for value in terms.values())
    terms[TOTAL].backward()
    for name, value in trained.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
        # What stands before a BatchNorm has a bias that changes nothing.
        assert name.endswith("bias") or value.grad.abs().max() > 0, name
