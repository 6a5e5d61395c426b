"""IIC's objective, against the formula written out."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from pipeline.heads.head import Head
from pipeline.methods.baselines.iic import NAMES, iic_terms
from pipeline.methods.baselines.of_logits import OfLogits
from tests.methods.baselines.properties import (
    CLUSTERS,
    DIM,
    HIDDEN,
    SHAPES,
    check_gradients,
    check_terms,
    logits_of,
)


def naive(p: np.ndarray, q: np.ndarray, weight: float) -> float:
    """Minus the mutual information, image by image and cluster by cluster, of the probabilities."""
    clusters, both = range(p.shape[1]), list(zip(p.tolist(), q.tolist(), strict=True))
    joint = [[sum(x[a] * y[b] + y[a] * x[b] for x, y in both) / (2 * len(p)) for b in clusters] for a in clusters]
    margins = [sum(row) for row in joint]
    return -math.fsum(
        joint[a][b] * (math.log(joint[a][b]) - weight * math.log(margins[a] * margins[b]))
        for a in clusters
        for b in clusters
    )


@pytest.mark.parametrize("weight", [1.0, 2.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_loss_equals_a_naive_loop(shape: tuple[int, int], weight: float) -> None:
    ones, others = logits_of(shape)
    p, q = (each.double().softmax(-1).numpy() for each in (ones, others))
    expected = naive(p, q, weight)
    assert iic_terms(ones, others, weight)["total"].item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_information_of_sure_pairs_is_that_of_the_clusters_and_of_unsure_ones_is_0() -> None:
    sure = 100 * torch.eye(4).repeat(5, 1)
    terms = iic_terms(sure, sure, 1.0)
    assert [terms[name].item() for name in NAMES] == pytest.approx([math.log(4), 2 * math.log(4), -math.log(4)])
    assert iic_terms(torch.zeros(8, 4), torch.zeros(8, 4), 1.0)["total"].item() == pytest.approx(0, abs=1e-6)


def test_it_is_an_objective() -> None:
    terms = partial(iic_terms, entropy_weight=1.0)
    check_terms(terms)
    torch.manual_seed(0)
    head = Head(DIM, HIDDEN, CLUSTERS)
    check_gradients(head, OfLogits(head, NAMES, terms))
