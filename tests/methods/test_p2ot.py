"""P²OT: the labels against a scaling written out, and the memory of predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.heads.head import Head
from pipeline.methods.p2ot import P2ot, Settings, labels_of, share_at


def predictions(images: int, clusters: int, scale: float = 1.0) -> torch.Tensor:
    """Log probabilities, most of them of the first clusters."""
    logits = scale * torch.randn(images, clusters, generator=torch.Generator().manual_seed(0))
    return (logits + torch.linspace(2, 0, clusters)).log_softmax(-1)


def even(images: int) -> torch.Tensor:
    return torch.full((images,), 1 / images, dtype=torch.float64)


def labels(log_p: torch.Tensor, share: float, settings: Settings, mass: torch.Tensor | None = None) -> torch.Tensor:
    start = torch.ones(log_p.shape[1] + 1, dtype=torch.float64)
    share_given = torch.tensor(share, dtype=torch.float64)
    plan, after = labels_of(log_p, even(len(log_p)) if mass is None else mass, share_given, settings, start)
    assert after.shape == start.shape
    return plan


def naive(log_p: np.ndarray, share: float, gamma: float, epsilon: float, rounds: int) -> np.ndarray:
    """Algorithm 1 written out in float64, image by image and cluster by cluster, the virtual one last."""
    images, clusters = log_p.shape
    cost = [[-float(value) for value in row] + [0.0] for row in log_p]
    kernel = [[math.exp(-value / epsilon) for value in row] for row in cost]
    beta = [share / clusters] * clusters + [1 - share]
    power = [gamma / (gamma + epsilon)] * clusters + [1.0]
    b = [1.0] * (clusters + 1)
    for _ in range(rounds):
        a = [(1 / images) / sum(kernel[i][j] * b[j] for j in range(clusters + 1)) for i in range(images)]
        b = [
            (beta[j] / sum(kernel[i][j] * a[i] for i in range(images))) ** power[j] if beta[j] else 0.0
            for j in range(clusters + 1)
        ]
    return np.array([[a[i] * kernel[i][j] * b[j] for j in range(clusters)] for i in range(images)])


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("images", "clusters"), [(5, 2), (40, 3), (30, 10)])
def test_labels_equal_a_naive_scaling(images: int, clusters: int, share: float) -> None:
    log_p, settings = predictions(images, clusters), Settings(rounds=20)
    found = labels(log_p, share, settings)
    np.testing.assert_allclose(found.numpy(), naive(log_p.numpy(), share, 1.0, 0.1, 20), rtol=1e-4, atol=1e-12)
    order = torch.randperm(clusters, generator=torch.Generator().manual_seed(1))
    permuted = labels(log_p[:, order], share, settings)
    torch.testing.assert_close(permuted, found[:, order])


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_so_many_images_are_taken_the_surest_first_and_none_twice(share: float) -> None:
    log_p = predictions(200, 5)
    found = labels(log_p, share, Settings(rounds=1000))
    assert found.sum().item() == pytest.approx(share, rel=1e-3)
    taken = 200 * found.sum(1)
    assert taken.max() < 1.001
    surest = log_p.max(1).values.argsort(descending=True)
    assert taken[surest[:50]].mean() >= taken[surest[-50:]].mean() - 1e-6


def test_the_heavier_the_sizes_weigh_the_more_even_they_are() -> None:
    log_p = predictions(200, 5)
    spread = [labels(log_p, 1.0, Settings(size_weight=each)).sum(0).std() for each in (0.1, 1.0, 100.0)]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < 1e-2


def test_an_image_without_mass_changes_nothing() -> None:
    log_p, mass = predictions(20, 3), torch.cat([even(15), torch.zeros(5, dtype=torch.float64)])
    found = labels(log_p, 0.5, Settings(), mass)
    torch.testing.assert_close(found[:15], labels(log_p[:15], 0.5, Settings()))
    assert not found[15:].any()


@pytest.mark.parametrize("scale", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("clusters", [2, 1000])
def test_labels_are_finite_where_predictions_are_sure(clusters: int, scale: float) -> None:
    log_p = predictions(64, clusters, scale)
    for share in (0.1, 1.0):
        found = labels(log_p, share, Settings())
        assert torch.isfinite(found).all()


def test_a_scaling_goes_on_from_the_one_before() -> None:
    log_p, tenth = predictions(200, 5), torch.tensor(0.1, dtype=torch.float64)
    scaling = torch.ones(6, dtype=torch.float64)
    for _ in range(5):
        plan, scaling = labels_of(log_p, even(200), tenth, Settings(rounds=20), scaling)
    torch.testing.assert_close(plan, labels(log_p, 0.1, Settings(rounds=100)))


def test_the_share_grows_from_the_first_one_to_all() -> None:
    shares = share_at(torch.linspace(0, 1, 11, dtype=torch.float64), 0.1)
    assert shares[0].item() == pytest.approx(0.1 + 0.9 * math.exp(-5))
    assert shares[-1].item() == 1
    assert (shares.diff() > 0).all()


def test_a_batch_is_labelled_among_the_last_predictions() -> None:
    torch.manual_seed(0)
    head = Head(6, (8,), 3).eval()
    settings = Settings(memory=12)
    objective = P2ot(head, 3, images=20, steps=10, settings=settings)
    scalings = [torch.ones(4, dtype=torch.float64)] * 2
    halves = torch.randn(3, 2, 8, 6, generator=torch.Generator().manual_seed(1))
    seen: list[torch.Tensor] = []
    for ones, others in halves:
        terms = objective(lambda rows, _=None: head(rows), ones, others)
        objective.stepped()
        seen.insert(0, torch.stack([head(ones), head(others)]).log_softmax(-1).detach())
        known = torch.cat(seen, 1)[:, :20]
        share = share_at(torch.tensor((len(seen) - 1) / 10, dtype=torch.float64), 0.1)
        count = known.shape[1]
        parts = [
            labels_of(*each)
            for each in zip(known, [even(count)] * 2, [share] * 2, [settings] * 2, scalings, strict=True)
        ]
        scalings = [after for _, after in parts]
        one, other = (count * plan[:8] for plan, _ in parts)
        loss = -(one * seen[0][1] + other * seen[0][0]).sum() / 16
        assert terms["total"].item() == pytest.approx(loss.item(), rel=1e-4)
    terms["total"].backward()
    assert all(value.grad is not None and torch.isfinite(value.grad).all() for value in head.parameters())
