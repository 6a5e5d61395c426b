"""NNM's objective, against the formula written out."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline.methods.baselines.nnm import LEAST, Nnm, Settings, nearest_of, nnm_terms
from pipeline.methods.baselines.projecting import Projecting
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
)
from tests.methods.baselines.objectives import check_gradients, plain_forward

SETTINGS = Settings(entropy_weight=3.0, temperature=0.5, memory=20)


def same_cluster(p: Rows, q: Rows) -> float:
    return -math.fsum(math.log(max(dot(one, other), LEAST)) for one, other in zip(p, q, strict=True)) / len(p)


def twin(first: Rows, second: Rows, local: list[int], found: Rows) -> dict[str, float]:
    """The objective written out, image by image and cluster by cluster."""
    p, q = softmax(first), softmax(second)
    both, matched, twice = p + q, q + [p[near] for near in local], found + found
    entropies = [math.fsum(column) / len(both) for column in columns(both)]
    terms = {
        "images": same_cluster(both, matched),
        "clusters": naive.matching(columns(both), columns(matched), 0.5),
        "global": same_cluster(both, twice) + naive.matching(columns(both), columns(twice), 0.5),
        "entropy": -math.fsum(mean * math.log(mean) for mean in entropies),
    }
    return {**terms, "total": terms["images"] + terms["clusters"] + terms["global"] - 3 * terms["entropy"]}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    logits, found = halves(shape, 0, 2.0), drawn(shape, 2).softmax(-1)
    local = (torch.arange(shape[0]) + 1) % shape[0]
    expected = pytest.approx(twin(*both_rows(logits), local.tolist(), rows(found)), rel=1e-5, abs=1e-6)
    assert numbers(nnm_terms(logits, local, found, SETTINGS)) == expected
    assert numbers(nnm_terms(permuted(logits), local, permuted((found, found))[0], SETTINGS)) == expected


def test_the_nearest_is_never_the_image_itself() -> None:
    features = torch.nn.functional.normalize(drawn((12, 4), 0), dim=1)
    found = nearest_of(features, features, torch.eye(12, dtype=torch.bool))
    values = rows(features)
    for i, near in enumerate(found.tolist()):
        assert near == max((j for j in range(12) if j != i), key=lambda j: dot(values[i], values[j]))


def made(memory: int = 20) -> tuple[Projecting, Nnm]:
    torch.manual_seed(0)
    net = Projecting(6, (8, 8), 3, None).train()
    return net, Nnm(net, Settings(memory=memory))


def test_the_gradient_reaches_all_parameters() -> None:
    net, objective = made()
    check_gradients(net, objective, 6)


@pytest.mark.parametrize("memory", [20, 7, 100])
def test_the_last_images_are_remembered(memory: int) -> None:
    net, objective = made(memory)
    assert torch.equal(objective.assignments, torch.full((memory, 3), 1 / 3))
    seen = []
    for step in range(4):
        ones, others = halves((16, 6), step)
        with torch.no_grad():
            objective(plain_forward(net), ones, others)
            seen.append(net.split(net(torch.cat([ones, others])))[0][:16].softmax(-1)[:memory])
    last = torch.cat(seen)[-memory:]
    kept = {tuple(row) for row in objective.assignments.round(decimals=4).tolist()}
    assert {tuple(row) for row in last.round(decimals=4).tolist()} <= kept
