"""CC's objective, against the formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.methods.baselines.cc import Cc, Settings, cc_terms, with_projection
from tests.methods.baselines import naive
from tests.methods.baselines.properties import CLUSTERS, DIM, HIDDEN, SHAPES, check_gradients, check_terms, logits_of


def naive_entropy(p: np.ndarray) -> float:
    shares = [math.fsum(column) / len(p) for column in p.T.tolist()]
    return -math.fsum(share * math.log(share) for share in shares)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    logits = logits_of(shape)
    p, q = (each.double().softmax(-1).numpy() for each in logits)
    vectors = torch.randn(2, shape[0], 5, generator=torch.Generator().manual_seed(3)).unbind()
    terms = cc_terms(logits, (vectors[0], vectors[1]), 0.5, 1.0)
    instances = naive.contrast(vectors[0].double().numpy(), vectors[1].double().numpy(), 0.5)
    clusters, entropy = naive.contrast(p.T, q.T, 1.0), naive_entropy(p) + naive_entropy(q)
    assert terms["instances"].item() == pytest.approx(instances, rel=1e-5)
    assert terms["clusters"].item() == pytest.approx(clusters, rel=1e-5)
    assert terms["entropy"].item() == pytest.approx(entropy, rel=1e-5)
    assert terms["total"].item() == pytest.approx(instances + clusters - entropy, rel=1e-5, abs=1e-5)


def test_it_is_an_objective() -> None:
    vectors = torch.randn(64, 5, generator=torch.Generator().manual_seed(3))

    def terms(ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        # With the logits swapped, their projections are too.
        one, other = vectors[: len(ones)], vectors[-len(ones) :]
        return cc_terms((ones, others), (one, other) if ones.sum() > others.sum() else (other, one), 0.5, 1.0)

    check_terms(terms)
    torch.manual_seed(0)
    trained = with_projection(DIM, HIDDEN, CLUSTERS, 5)
    check_gradients(trained, Cc(trained, Settings()))


def test_the_head_is_kept_alone() -> None:
    torch.manual_seed(0)
    trained = with_projection(DIM, HIDDEN, CLUSTERS, 5)
    assert Cc(trained, Settings()).kept() is trained.head
    assert not any("part" in name for name in trained.head.state_dict())
