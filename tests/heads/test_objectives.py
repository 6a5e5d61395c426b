from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.config.names import TERMS
from pipeline.heads import objectives

PAPER = ("consistency", "confidence", "balance")
"""The terms of equations 3 to 5."""
SHAPES = [(2, 2), (7, 3), (64, 10), (33, 100)]


def logits(shape: tuple[int, int], seed: int, scale: float = 3.0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(rows: np.ndarray) -> list[list[float]]:
    result = []
    for row in rows:
        weights = [math.exp(value - max(row)) for value in row]
        result.append([weight / sum(weights) for weight in weights])
    return result


def naive(logits_a: np.ndarray, logits_b: np.ndarray) -> dict[str, float]:
    """Equations 3 to 5 written out, in float64, image by image and cluster by cluster."""
    count, clusters = logits_a.shape
    p, q = softmax(logits_a), softmax(logits_b)
    consistency = confidence = 0.0
    for i in range(count):
        for c in range(clusters):
            consistency -= 0.5 * (p[i][c] * math.log(q[i][c]) + q[i][c] * math.log(p[i][c])) / count
        confidence -= math.log(sum(p[i][c] * q[i][c] for c in range(clusters))) / count
    balance = 0.0
    for side in (p, q):
        for c in range(clusters):
            mean = sum(row[c] for row in side) / count
            balance -= mean * math.log(mean)
    return {"consistency": consistency, "confidence": confidence, "balance": balance}


@pytest.mark.parametrize("shape", SHAPES)
def test_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    a, b = logits(shape, 0), logits(shape, 1)
    expected = naive(a.double().numpy(), b.double().numpy())
    for name, value in objectives.scp_terms(a, b).items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("shape", SHAPES)
def test_swapping_views_and_permuting_clusters_change_nothing(shape: tuple[int, int]) -> None:
    a, b = logits(shape, 0), logits(shape, 1)
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(2))
    terms = objectives.scp_terms(a, b)
    for other in (objectives.scp_terms(b, a), objectives.scp_terms(a[:, order], b[:, order])):
        for name in TERMS:
            torch.testing.assert_close(other[name], terms[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e2, 1e4])
def test_terms_and_gradients_stay_finite(scale: float) -> None:
    a, b = logits((16, 10), 0, scale).requires_grad_(), logits((16, 10), 1, scale).requires_grad_()
    terms = objectives.scp_terms(a, b)
    objectives.scp_total(terms, TERMS, 5.0).backward()
    assert all(torch.isfinite(value) for value in terms.values())
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()
    assert scale in (0.0, 1e4) or a.grad.abs().max() > 0


def test_known_values() -> None:
    uniform = torch.zeros(8, 4)
    terms = objectives.scp_terms(uniform, uniform)
    assert terms["consistency"].item() == pytest.approx(math.log(4))
    assert terms["confidence"].item() == pytest.approx(math.log(4))
    assert terms["balance"].item() == pytest.approx(2 * math.log(4))
    # Sure, equal and evenly spread: the best there is.
    sure = 1000 * torch.eye(4).repeat(2, 1)
    terms = objectives.scp_terms(sure, sure)
    assert terms["consistency"].item() == pytest.approx(0, abs=1e-6)
    assert terms["confidence"].item() == pytest.approx(0, abs=1e-6)
    assert terms["balance"].item() == pytest.approx(2 * math.log(4))
    # All in one cluster: no balance.
    one = torch.tensor([[1000.0, 0, 0, 0]]).repeat(8, 1)
    assert objectives.scp_terms(one, one)["balance"].item() == pytest.approx(0, abs=1e-6)


def naive_scan(logits: np.ndarray, neighbour_logits: np.ndarray) -> dict[str, float]:
    """SCAN's equation 2 written out, in float64, image by image and cluster by cluster."""
    p, q = softmax(logits), softmax(neighbour_logits)
    count, clusters = logits.shape
    consistency = -sum(math.log(sum(p[i][c] * q[i][c] for c in range(clusters))) for i in range(count)) / count
    means = [sum(row[c] for row in p) / count for c in range(clusters)]
    return {"consistency": consistency, "entropy": -sum(mean * math.log(mean) for mean in means)}


@pytest.mark.parametrize("shape", SHAPES)
def test_scan_s_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    a, b = logits(shape, 0), logits(shape, 1)
    expected = naive_scan(a.double().numpy(), b.double().numpy())
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(2))
    permuted = objectives.scan_terms(a[:, order], b[:, order])
    for name, value in objectives.scan_terms(a, b).items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name
        torch.testing.assert_close(permuted[name], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e2, 1e4])
def test_scan_s_gradients_stay_finite(scale: float) -> None:
    a, b = logits((16, 10), 0, scale).requires_grad_(), logits((16, 10), 1, scale).requires_grad_()
    terms = objectives.scan_terms(a, b)
    (terms["consistency"] - 5 * terms["entropy"]).backward()
    for half in (a, b):
        assert half.grad is not None
        assert torch.isfinite(half.grad).all()


def naive_self_labelling(clean: np.ndarray, augmented: np.ndarray, threshold: float) -> float:
    """SCAN's self-labelling written out, in float64, image by image, each with a weight of its cluster."""
    p, q = softmax(clean), softmax(augmented)
    sure = [(max(row), row.index(max(row)), other) for row, other in zip(p, q, strict=True) if max(row) > threshold]
    weights = {each: 1 / sum(label == each for _, label, _ in sure) for _, each, _ in sure}
    total = sum(weights[label] * -math.log(other[label]) for _, label, other in sure)
    return total / sum(weights[label] for _, label, _ in sure) if sure else 0.0


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_loss_of_self_labelling_equals_a_naive_loop(shape: tuple[int, int], threshold: float) -> None:
    clean, augmented = logits(shape, 0).requires_grad_(), logits(shape, 1).requires_grad_()
    loss = objectives.self_labelling_loss(clean, augmented, threshold)
    expected = naive_self_labelling(clean.detach().double().numpy(), augmented.detach().double().numpy(), threshold)
    assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    loss.backward()
    assert clean.grad is None
    assert augmented.grad is not None
    assert torch.isfinite(augmented.grad).all()
    assert bool(augmented.grad.any()) == (threshold < 1)
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(2))
    permuted = objectives.self_labelling_loss(clean[:, order], augmented[:, order], threshold)
    torch.testing.assert_close(permuted, loss, rtol=1e-5, atol=1e-6)


def naive_temi(students: np.ndarray, teachers: np.ndarray, marginal: np.ndarray, beta: float) -> list[float]:
    """TEMI's objective written out, in float64; students and teachers (2, heads, batch, clusters)."""
    p = [[softmax(rows) for rows in half] for half in students]
    q = [[softmax(rows) for rows in half] for half in teachers]
    heads, count, clusters = students.shape[1:]
    result = [0.0] * heads
    for i in range(count):
        weight = sum(q[0][h][i][c] * q[1][h][i][c] for h in range(heads) for c in range(clusters)) / heads
        for h in range(heads):
            for one, other in ((0, 1), (1, 0)):
                shares = [(p[one][h][i][c] * q[other][h][i][c]) ** beta / marginal[h][c] for c in range(clusters)]
                result[h] -= weight * math.log(sum(shares)) / (2 * count)
    return result


def temi_input(heads: int, shape: tuple[int, int]) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    made = [torch.stack([logits(shape, 10 * half + head) for head in range(heads)]) for half in range(4)]
    return (
        made[:2],
        made[2:],
        torch.stack([logits((1, shape[1]), 50 + head, 1.0)[0] for head in range(heads)]).softmax(-1),
    )


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_temi_s_losses_equal_a_naive_loop(shape: tuple[int, int], heads: int) -> None:
    (a, b), (ta, tb), marginal = temi_input(heads, shape)
    expected = naive_temi(
        torch.stack([a, b]).double().numpy(), torch.stack([ta, tb]).double().numpy(), marginal.double().numpy(), 0.6
    )
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(2))
    losses = objectives.temi_losses((a, b), (ta, tb), marginal, 0.6)
    assert losses.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    swapped = objectives.temi_losses((b, a), (tb, ta), marginal, 0.6)
    permuted = objectives.temi_losses(
        (a[..., order], b[..., order]), (ta[..., order], tb[..., order]), marginal[:, order], 0.6
    )
    torch.testing.assert_close(swapped, losses, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(permuted, losses, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e2, 1e4])
def test_temi_s_gradients_stay_finite(scale: float) -> None:
    a, b = logits((16, 10), 0, scale)[None].requires_grad_(), logits((16, 10), 1, scale)[None].requires_grad_()
    marginal = torch.full((1, 10), 0.1)
    objectives.temi_losses((a, b), (a.detach(), b.detach()), marginal, 0.6).sum().backward()
    for half in (a, b):
        assert half.grad is not None
        assert torch.isfinite(half.grad).all()


def naive_turtle(encoders: np.ndarray, classifiers: np.ndarray) -> dict[str, float]:
    """TURTLE's equation 12 written out, in float64; (spaces, batch, clusters) each."""
    spaces, count, clusters = encoders.shape
    tau, predicted = [softmax(rows) for rows in encoders], [softmax(rows) for rows in classifiers]
    error = entropy = 0.0
    for space in range(spaces):
        for i in range(count):
            for c in range(clusters):
                label = sum(tau[other][i][c] for other in range(spaces)) / spaces
                error -= label * math.log(predicted[space][i][c]) / count
        for c in range(clusters):
            mean = sum(row[c] for row in tau[space]) / count
            entropy -= mean * math.log(mean)
    return {"error": error, "entropy": entropy}


@pytest.mark.parametrize("spaces", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_turtle_s_terms_equal_a_naive_loop(shape: tuple[int, int], spaces: int) -> None:
    encoders = [logits(shape, space) for space in range(spaces)]
    classifiers = [logits(shape, 10 + space) for space in range(spaces)]
    expected = naive_turtle(torch.stack(encoders).double().numpy(), torch.stack(classifiers).double().numpy())
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(2))
    permuted = objectives.turtle_terms([each[:, order] for each in encoders], [each[:, order] for each in classifiers])
    for name, value in objectives.turtle_terms(encoders, classifiers).items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name
        torch.testing.assert_close(permuted[name], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e2, 1e4])
def test_turtle_s_gradients_stay_finite(scale: float) -> None:
    a, b = logits((16, 10), 0, scale).requires_grad_(), logits((16, 10), 1, scale).requires_grad_()
    terms = objectives.turtle_terms([a, b], [a.detach(), b.detach()])
    (terms["error"] - 10 * terms["entropy"]).backward()
    for each in (a, b):
        assert each.grad is not None
        assert torch.isfinite(each.grad).all()


def test_the_total_adds_the_terms_in_use() -> None:
    terms = {"consistency": torch.tensor(1.0), "confidence": torch.tensor(2.0), "balance": torch.tensor(3.0)}
    assert objectives.scp_total(terms, PAPER, 5.0).item() == 1 + 2 - 15
    assert objectives.scp_total(terms, ("confidence",), 5.0).item() == 2
    assert objectives.scp_total(terms, ("consistency", "balance"), 0.5).item() == 1 - 1.5


def test_the_balance_term_counts_up_to_its_target_alone() -> None:
    a, b = logits((64, 10), 0, 0.1), logits((64, 10), 1, 0.1)
    a.requires_grad_()
    terms = objectives.scp_terms(a, b)
    most = 0.9 * 2 * math.log(10)
    assert float(terms["balance"].detach()) > most
    capped = objectives.scp_total(terms, PAPER, 5.0, most)
    expected = float((terms["consistency"] + terms["confidence"]).detach()) - 5 * most
    assert float(capped.detach()) == pytest.approx(expected)
    (gradient,) = torch.autograd.grad(objectives.scp_total(terms, ("balance",), 5.0, most), a, retain_graph=True)
    assert not gradient.any()
    full = objectives.scp_total(terms, PAPER, 5.0)
    assert torch.equal(full, objectives.scp_total(terms, PAPER, 5.0, 3 * math.log(10)))
