"""CPP's objective and its choice of the number of clusters, against the formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.heads.cpp import Settings, affinities_of, coding_length, coding_lengths, cpp_terms
from pipeline.heads.subspaces import Net, memberships
from tests.methods.test_pro_dsc import unit


def naive_memberships(c: np.ndarray, settings: Settings) -> list[list[float]]:
    """Rows and columns brought to the sum 1 in turn, entry by entry."""
    images = range(len(c))
    shares = [[math.exp(abs(float(c[i] @ c[j])) / settings.temperature) for j in images] for i in images]
    for number in range(settings.projections):
        if number % 2 == 0:
            shares = [[value / math.fsum(row) for value in row] for row in shares]
        else:
            sums = [math.fsum(row[j] for row in shares) for j in images]
            shares = [[row[j] / sums[j] for j in images] for row in shares]
    return shares


def log_det(matrix: np.ndarray) -> float:
    return math.fsum(map(math.log, np.linalg.eigvalsh(matrix)))


def naive(z: np.ndarray, c: np.ndarray, settings: Settings) -> dict[str, float]:
    """The objective written out, in float64, part by part and image by image."""
    count, width = z.shape
    shares = naive_memberships(c, settings)
    rate = log_det(np.eye(width) + width / (count * settings.distortion) * z.T @ z) / 2
    parts = 0.0
    for j in range(count):
        size = math.fsum(row[j] for row in shares)
        gram = sum(shares[i][j] * np.outer(z[i], z[i]) for i in range(count))
        parts += size / (2 * count) * log_det(np.eye(width) + width / (size * settings.distortion) * gram)
    sharpness = math.fsum(value**2 for row in shares for value in row) / 2
    total = parts - rate + settings.sharpness_weight * sharpness
    return {"rate": rate, "parts": parts, "sharpness": sharpness, "total": total}


@pytest.mark.parametrize("projections", [1, 5])
@pytest.mark.parametrize(("count", "width"), [(5, 3), (24, 8), (20, 30)])
def test_the_terms_equal_a_naive_loop_in_any_order_of_the_images(count: int, width: int, projections: int) -> None:
    settings = Settings(projections=projections)
    z, c = unit(count, width, 0), unit(count, width, 1)
    expected = naive(z.double().numpy(), c.double().numpy(), settings)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(2))
    terms, shuffled = cpp_terms(z, c, settings), cpp_terms(z[order], c[order], settings)
    assert set(terms) == set(expected)
    for name, value in terms.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4, abs=1e-4), name
        torch.testing.assert_close(shuffled[name], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("same", [False, True])
def test_the_gradients_stay_finite(same: bool) -> None:
    z, c = (unit(1, 8, seed).repeat(16, 1) if same else unit(16, 8, seed) for seed in (0, 1))
    z, c = z.requires_grad_(), c.requires_grad_()
    cpp_terms(z, c, Settings())["total"].backward()
    for each in (z, c):
        assert each.grad is not None
        assert torch.isfinite(each.grad).all()


def test_memberships_are_doubly_stochastic_and_those_of_blocks_lie_within_them() -> None:
    shares = memberships(unit(40, 6, 0), 0.175, 50)
    for sums in (shares.sum(0), shares.sum(1)):
        torch.testing.assert_close(sums, torch.ones(40))
    torch.testing.assert_close(shares, shares.T)
    blocks = affinities_of(np.eye(3, dtype=np.float32).repeat(4, 0), Settings(temperature=0.02))
    np.testing.assert_allclose(blocks, np.kron(np.eye(3), np.full((4, 4), 1 / 4)), atol=1e-6)


def test_subspaces_apart_have_no_larger_a_rate_than_their_parts() -> None:
    apart = torch.eye(3).repeat_interleave(4, 0)
    sharp, blunt = (cpp_terms(apart, apart, Settings(temperature=each)) for each in (0.02, 100.0))
    assert sharp["parts"] < sharp["rate"]
    # All in one part: nothing is gained.
    assert blunt["parts"].item() == pytest.approx(blunt["rate"].item(), abs=0.01)
    assert (sharp["sharpness"].item(), blunt["sharpness"].item()) == pytest.approx((1.5, 0.5), abs=0.01)


def naive_length(z: np.ndarray, labels: list[int], distortion: float) -> float:
    count, width = z.shape
    total = 0.0
    for cluster in set(labels):
        members = [row for row, label in zip(z, labels, strict=True) if label == cluster]
        size = len(members)
        gram = sum(np.outer(row, row) for row in members)
        total += (size + width) / 2 * log_det(np.eye(width) + width / (distortion * size) * gram)
        total -= size * math.log(size / count)
    return total


@pytest.mark.parametrize("clusters", [1, 3, 9])
def test_the_coding_length_equals_a_naive_loop_whatever_the_clusters_are_called(clusters: int) -> None:
    z = unit(40, 6, 0).double().numpy()
    labels = np.arange(40) % clusters
    found = coding_length(z, labels, 0.1)
    assert found == pytest.approx(naive_length(z, labels.tolist(), 0.1))
    assert coding_length(z, clusters - labels, 0.1) == pytest.approx(found)


@pytest.mark.parametrize("groups", [2, 4, 7])
def test_groups_in_directions_of_their_own_have_the_least_length(groups: int) -> None:
    """A net that leaves the embeddings as they are."""
    net = Net(16, 32, 16).eval()
    with torch.no_grad():
        both = torch.cat([torch.eye(16), -torch.eye(16)])
        first, second = (each for each in net.layers if isinstance(each, torch.nn.Linear))
        for layer, weight in ((first, both), (second, torch.eye(32)), (net.structure, both.T), (net.affinity, both.T)):
            layer.weight.copy_(weight)
            torch.nn.init.zeros_(layer.bias)
    noise = np.random.default_rng(0).normal(0, 0.02, (140, 16))
    embeddings = (np.eye(16)[np.arange(140) % groups] + noise).astype(np.float32)
    found = coding_lengths(net, embeddings, 10, Settings())
    assert list(found) == list(range(2, 11))
    assert min(found, key=lambda k: found[k]) == groups
