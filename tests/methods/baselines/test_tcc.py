"""TCC's objective, against the formula written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.methods.baselines import tcc
from pipeline.methods.baselines.tcc import Net, Settings, Tcc, tcc_terms
from tests.methods.baselines import naive
from tests.methods.baselines.naive import (
    SHAPES,
    Rows,
    both_rows,
    columns,
    dot,
    drawn,
    halves,
    numbers,
    permuted,
    rows,
    softmax,
    swapped,
    unit,
)
from tests.methods.baselines.objectives import check_gradients

SETTINGS = Settings(width=5, instance_weight=0.7, balance_weight=1.5)
WIDTH = 5
Two = tuple[Rows, Rows]


def twin(logits: Two, features: Two, context: Rows, noise: Two) -> dict[str, float]:
    """The objective written out, image by image and cluster by cluster."""
    p = [softmax(half) for half in logits]
    unit_length = [[unit(row) for row in half] for half in features]
    sets, images = [], []
    for half in range(2):
        clusters = columns(p[half])
        sets.append([[dot(cluster, column) for column in columns(unit_length[half])] for cluster in clusters])
        noisy = [
            [(np.log(share) + shift) / SETTINGS.relaxation for share, shift in zip(one, other, strict=True)]
            for one, other in zip(p[half], noise[half], strict=True)
        ]
        sampled = softmax(noisy)
        images.append(
            [
                [value + dot(weights, sample) for value, weights in zip(feature, context, strict=True)]
                for feature, sample in zip(unit_length[half], sampled, strict=True)
            ]
        )
    terms = {
        "clusters": naive.matching(sets[0], sets[1], SETTINGS.temperature),
        "images": naive.matching(images[0], images[1], SETTINGS.temperature),
        "imbalance": (naive.imbalance(p[0]) + naive.imbalance(p[1])) / 2,
    }
    return {**terms, "total": terms["clusters"] + 0.7 * terms["images"] + 1.5 * terms["imbalance"]}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    logits, noise, features = halves(shape, 0, 2.0), halves(shape, 1), halves((shape[0], WIDTH), 2)
    context = drawn((WIDTH, shape[1]), 6)
    expected = pytest.approx(
        twin(both_rows(logits), both_rows(features), rows(context), both_rows(noise)), rel=1e-5, abs=1e-6
    )
    assert numbers(tcc_terms(logits, features, context, noise, SETTINGS)) == expected
    assert numbers(tcc_terms(swapped(logits), swapped(features), context, swapped(noise), SETTINGS)) == expected
    other_context, _ = permuted((context, context))
    assert numbers(tcc_terms(permuted(logits), features, other_context, permuted(noise), SETTINGS)) == expected


def test_the_gradient_reaches_all_parameters() -> None:
    torch.manual_seed(0)
    net = Net(6, (8, 8), 3, WIDTH).train()
    check_gradients(net, Tcc(net, SETTINGS), 6)


def test_the_noise_is_that_of_gumbel_and_goes_on() -> None:
    torch.manual_seed(0)
    net = Net(6, (8,), 10, WIDTH)
    first, second = net.drawn(512), net.drawn(512)
    assert first.shape == (512, 10)
    assert not torch.equal(first, second)
    assert first.mean().item() == pytest.approx(np.euler_gamma, abs=0.06)
    assert first.std().item() == pytest.approx(np.pi / 6**0.5, abs=0.06)
    assert torch.isfinite(net.noise).all()
    assert np.gcd(tcc.STRIDE, tcc.DRAWN) == 1


def test_a_weight_of_0_leaves_the_contrast_of_clusters() -> None:
    logits, features = halves((8, 3), 0), halves((8, 5), 1)
    noise = halves((8, 3), 2)
    terms = tcc_terms(logits, features, drawn((5, 3), 6), noise, replace(SETTINGS, instance_weight=0, balance_weight=0))
    assert terms["total"] == terms["clusters"]
