"""PICA's objective, against the formula written out."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from pipeline.heads.head import Head
from pipeline.methods.baselines.of_logits import OfLogits
from pipeline.methods.baselines.pica import NAMES, pica_terms
from tests.methods.baselines.properties import (
    CLUSTERS,
    DIM,
    HIDDEN,
    SHAPES,
    check_gradients,
    check_terms,
    logits_of,
)


def naive(p: np.ndarray, q: np.ndarray) -> tuple[float, float]:
    """Both terms, cluster by cluster, of the probabilities."""
    clusters = range(p.shape[1])

    def cosine(a: int, b: int) -> float:
        dot = math.fsum(x * y for x, y in zip(p[:, a].tolist(), q[:, b].tolist(), strict=True))
        return dot / math.sqrt(math.fsum(x * x for x in p[:, a].tolist()) * math.fsum(y * y for y in q[:, b].tolist()))

    rows = [[math.exp(cosine(a, b)) for b in clusters] for a in clusters]
    uncertainty = -math.fsum(math.log(rows[a][a] / sum(rows[a])) for a in clusters) / len(rows)
    shares = [math.fsum(p[:, a].tolist()) / len(p) for a in clusters]
    return uncertainty, math.log(len(rows)) + math.fsum(share * math.log(share) for share in shares)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    ones, others = logits_of(shape)
    uncertainty, imbalance = naive(*(each.double().softmax(-1).numpy() for each in (ones, others)))
    terms = pica_terms(ones, others, 2.0)
    assert terms["uncertainty"].item() == pytest.approx(uncertainty, rel=1e-5)
    assert terms["imbalance"].item() == pytest.approx(imbalance, rel=1e-5, abs=1e-6)
    assert terms["total"].item() == pytest.approx(uncertainty + 2 * imbalance, rel=1e-5)


def test_a_sure_and_even_partition_is_the_least() -> None:
    sure = 100 * torch.eye(4).repeat(5, 1)
    terms = pica_terms(sure, sure, 2.0)
    # The softmax of one cosine of 1 and three of 0.
    assert terms["uncertainty"].item() == pytest.approx(math.log(math.e + 3) - 1)
    assert terms["imbalance"].item() == pytest.approx(0, abs=1e-6)
    assert pica_terms(torch.zeros(8, 4), torch.zeros(8, 4), 2.0)["uncertainty"].item() == pytest.approx(math.log(4))


def test_it_is_an_objective() -> None:
    terms = partial(pica_terms, balance_weight=2.0)
    check_terms(terms, swaps=False)
    torch.manual_seed(0)
    head = Head(DIM, HIDDEN, CLUSTERS)
    check_gradients(head, OfLogits(head, NAMES, terms))
