"""MiCE's objective, against the formula written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from pipeline.methods.baselines.mice import Mice, Net, Settings, log_experts, log_gate, mice_terms
from tests.methods.baselines.naive import SHAPES, dot, drawn, halves, numbers, rows, softmax
from tests.methods.baselines.objectives import check_gradients, plain_forward

SETTINGS = Settings(width=5)
Cube = list[list[list[float]]]


def twin(logits: list[list[float]], vectors: Cube, taught: Cube, prototypes: list[list[float]]) -> dict[str, float]:
    """The objective written out, with the corners of a simplex as the gate's prototypes."""
    images, clusters = range(len(logits)), range(len(prototypes))
    corners = [[float(c == k) - 1 / len(prototypes) for c in clusters] for k in clusters]
    gate = experts = entropy = total = 0.0
    for i in images:
        mean = math.fsum(logits[i]) / len(prototypes)
        centred = [value - mean for value in logits[i]]
        lengths = [math.sqrt(dot(centred, centred) * dot(corner, corner)) for corner in corners]
        cosines = [dot(centred, corner) / length for corner, length in zip(corners, lengths, strict=True)]
        (p,) = softmax([[value / 0.6 for value in cosines]])
        found = []
        for k in clusters:
            query = [value + shift for value, shift in zip(vectors[i][k], prototypes[k], strict=True)]
            (shares,) = softmax([[dot(query, taught[j][k]) / 0.7 for j in images]])
            found.append(shares[i])
        likelihood = dot(p, found)
        q = [one * other / likelihood for one, other in zip(p, found, strict=True)]
        gate -= math.fsum(share * math.log(one) for share, one in zip(q, p, strict=True))
        experts -= math.fsum(share * math.log(one) for share, one in zip(q, found, strict=True))
        entropy -= math.fsum(share * math.log(share) for share in q)
        total -= math.log(likelihood)
    sums = {"gate": gate, "experts": experts, "entropy": entropy, "total": total}
    return {name: value / len(logits) for name, value in sums.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    logits, prototypes = drawn(shape, 0), functional.normalize(drawn((shape[1], 5), 1), dim=1)
    vectors, taught = (functional.normalize(each, dim=2) for each in halves((*shape, 5), 2))
    expected = pytest.approx(
        twin(rows(logits), vectors.double().tolist(), taught.double().tolist(), rows(prototypes)), rel=1e-5, abs=1e-6
    )
    terms, posterior = mice_terms(log_gate(logits, 0.6), log_experts(vectors, taught, prototypes, 0.7))
    assert numbers(terms) == expected
    torch.testing.assert_close(posterior.sum(1), torch.ones(shape[0]))
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(0))
    experts = log_experts(vectors[:, order], taught[:, order], prototypes[order], 0.7)
    assert numbers(mice_terms(log_gate(logits[:, order], 0.6), experts)[0]) == expected


def made() -> tuple[Net, Mice]:
    torch.manual_seed(0)
    net = Net(6, (8, 8), 3, 5).train()
    return net, Mice(net, SETTINGS)


def test_the_gradient_reaches_all_parameters() -> None:
    net, objective = made()
    check_gradients(net, objective, 6)
    assert all(value.grad is None for value in objective.teacher.parameters())


def test_teacher_and_prototypes_follow() -> None:
    net, objective = made()
    before = [value.clone() for value in objective.teacher.parameters()]
    sums = objective.sums.clone()
    with torch.no_grad():
        for value in net.parameters():
            value.add_(1)
        objective(plain_forward(net), *halves((32, 6), 1))
    objective.stepped()
    for old, new in zip(before, objective.teacher.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.05)
    assert not torch.allclose(objective.sums, sums)
