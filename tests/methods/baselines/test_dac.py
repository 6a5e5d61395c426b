"""DAC's objective, against the formula written out, and its thresholds."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from pipeline.methods.baselines.dac import Dac, Settings, dac_terms
from pipeline.methods.baselines.label_features import spread_head
from tests.methods.baselines.properties import CLUSTERS, DIM, HIDDEN, SHAPES, check_gradients, check_terms, logits_of


def naive(p: np.ndarray, q: np.ndarray, upper: float, lower: float) -> tuple[float, float, float]:
    """The terms, pair by pair, of the probabilities."""
    alike, unlike = [], []
    for i, x in enumerate(p.tolist()):
        for j, y in enumerate(q.tolist()):
            cosine = math.fsum(a * b for a, b in zip(x, y, strict=True)) / (math.hypot(*x) * math.hypot(*y))
            if i == j or cosine >= upper:
                alike.append(-math.log(cosine))
            elif cosine < lower:
                unlike.append(-math.log(1 - cosine))
    used = len(alike) + len(unlike)
    return math.fsum(alike) / used, math.fsum(unlike) / used, used / (len(p) * len(q))


@pytest.mark.parametrize(("upper", "lower"), [(0.95, 0.455), (0.7, 0.48), (0.5, 0.5)])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int], upper: float, lower: float) -> None:
    ones, others = logits_of(shape, 2.0)
    p, q = (each.double().softmax(-1).numpy() for each in (ones, others))
    expected = naive(p, q, upper, lower)
    terms = dac_terms(ones, others, upper, lower)
    found = [terms[name].item() for name in ("alike", "unlike", "used")]
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert terms["total"].item() == pytest.approx(expected[0] + expected[1], rel=1e-5, abs=1e-6)


def test_between_the_thresholds_nothing_is_learnt() -> None:
    # The cosines of three unsure images with a fourth that is sure: 1 over the root of 2.
    logits = torch.tensor([[0.0, 0.0, -100.0]] * 3 + [[100.0, 0.0, -100.0]], requires_grad=True)
    terms = dac_terms(logits, logits.detach(), 0.95, 0.455)
    assert terms["used"].item() == pytest.approx(10 / 16)
    assert dac_terms(logits, logits.detach(), 0.6, 0.5)["used"].item() == 1


def test_the_thresholds_meet_at_the_end() -> None:
    torch.manual_seed(0)
    objective = Dac(spread_head(DIM, HIDDEN, CLUSTERS), Settings(), 50)
    for _ in range(50):
        objective.stepped()
    assert objective.eased.item() == pytest.approx(0.45, rel=1e-5)
    assert Settings().upper - 0.45 == pytest.approx(Settings().lower + 0.1 * 0.45)


def test_it_is_an_objective() -> None:
    check_terms(partial(dac_terms, upper=0.95, lower=0.455))
    torch.manual_seed(0)
    head = spread_head(DIM, HIDDEN, CLUSTERS)
    check_gradients(head, Dac(head, Settings(), 10))
