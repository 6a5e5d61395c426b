"""What contrastive objectives share, against loops and known values."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline.methods.baselines.contrast import contrast, imbalance, matching
from tests.methods.baselines import naive
from tests.methods.baselines.naive import SHAPES, drawn, rows, softmax


@pytest.mark.parametrize("temperature", [0.2, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_both_equal_naive_loops(shape: tuple[int, int], temperature: float) -> None:
    ones, others = drawn(shape, 0), drawn(shape, 1)
    expected = naive.matching(rows(ones), rows(others), temperature)
    assert matching(ones, others, temperature).item() == pytest.approx(expected, rel=1e-5)
    assert matching(others, ones, temperature).item() == pytest.approx(expected, rel=1e-5)
    uneven = naive.imbalance(softmax(rows(ones)))
    assert imbalance(ones.log_softmax(-1)).item() == pytest.approx(uneven, rel=1e-5, abs=1e-6)


def test_known_values() -> None:
    same, apart = torch.ones(4, 3), torch.eye(4)
    assert matching(same, same, 0.1).item() == pytest.approx(math.log(4))
    assert matching(apart, apart, 0.01).item() == pytest.approx(0, abs=1e-6)
    assert imbalance(torch.zeros(8, 4).log_softmax(-1)).item() == pytest.approx(0, abs=1e-6)
    one = torch.tensor([[100.0, 0, 0, 0]]).repeat(8, 1)
    assert imbalance(one.log_softmax(-1)).item() == pytest.approx(math.log(4))


def test_vectors_of_length_0_have_finite_gradients() -> None:
    ones = torch.zeros(4, 3, requires_grad=True)
    matching(ones, drawn((4, 3), 0), 0.5).backward()
    assert ones.grad is not None
    assert torch.isfinite(ones.grad).all()


def test_halves_that_are_alike_and_unlike_all_others_have_the_least_contrast() -> None:
    apart = torch.eye(4)
    assert contrast(apart, apart, 0.1).item() < 0.001
    assert contrast(apart, apart.roll(1, 0), 0.1).item() > 9
