from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.cli.settings import Settings
from pipeline.methods import pro_dsc


def unit(count: int, width: int, seed: int) -> torch.Tensor:
    vectors = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(vectors, dim=1)


def naive(z: np.ndarray, c: np.ndarray, clusters: int, settings: pro_dsc.Settings) -> dict[str, float]:
    """The objective written out, in float64, image by image."""
    count, width = z.shape
    raw = [[math.exp(abs(float(c[i] @ c[j])) / settings.temperature) for j in range(count)] for i in range(count)]
    for number in range(settings.projections):
        if number % 2 == 0:
            raw = [[value / sum(row) for value in row] for row in raw]
        else:
            sums = [sum(raw[i][j] for i in range(count)) for j in range(count)]
            raw = [[raw[i][j] / sums[j] for j in range(count)] for i in range(count)]
    affinities = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            if i != j:
                affinities[i, j] = (raw[i][j] + raw[j][i]) / 2
    error = 0.0
    for i in range(count):
        combined = sum(np.sign(c[i] @ c[j]) * affinities[i, j] * z[j] for j in range(count))
        error += float(((z[i] - combined) ** 2).sum()) / (2 * count)
    laplacian = np.diag(affinities.sum(1)) - affinities
    scale = width / (count * settings.distortion)
    rate = 0.5 * sum(math.log(value) for value in np.linalg.eigvalsh(np.eye(width) + scale * z.T @ z))
    blocks = float(np.sort(np.linalg.eigvalsh(laplacian))[:clusters].sum()) / count
    total = settings.expression_weight * error + settings.block_weight * blocks - rate
    return {"rate": rate, "expression": error, "blocks": blocks, "total": total}


@pytest.mark.parametrize("projections", [1, 2, 5])
@pytest.mark.parametrize(("count", "width", "clusters"), [(5, 3, 2), (24, 8, 4), (20, 30, 7)])
def test_the_terms_equal_a_naive_loop(
    settings: Settings, count: int, width: int, clusters: int, projections: int
) -> None:
    chosen = replace(settings.fit.section("pro_dsc", pro_dsc.Settings), projections=projections)
    z, c = unit(count, width, 0), unit(count, width, 1)
    expected = naive(z.double().numpy(), c.double().numpy(), clusters, chosen)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(2))
    terms = pro_dsc.terms_of(z, c, clusters, chosen)
    shuffled = pro_dsc.terms_of(z[order], c[order], clusters, chosen)
    for name, value in terms.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-3, abs=1e-4), name
        torch.testing.assert_close(shuffled[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("same", [False, True])
def test_the_gradients_stay_finite(settings: Settings, same: bool) -> None:
    # Equal vectors have equal eigenvalues, and no coding rate but the least.
    z, c = (unit(1, 8, seed).repeat(16, 1) if same else unit(16, 8, seed) for seed in (0, 1))
    z, c = z.requires_grad_(), c.requires_grad_()
    pro_dsc.terms_of(z, c, 4, settings.fit.section("pro_dsc", pro_dsc.Settings))["total"].backward()
    for each in (z, c):
        assert each.grad is not None
        assert torch.isfinite(each.grad).all()


def test_blocks_are_zero_where_the_affinities_are_so_many_blocks(settings: Settings) -> None:
    apart = torch.eye(3).repeat_interleave(4, 0)
    sharp = replace(settings.fit.section("pro_dsc", pro_dsc.Settings), temperature=0.01)
    assert pro_dsc.terms_of(apart, apart, 3, sharp)["blocks"].item() == pytest.approx(0, abs=1e-6)
    assert pro_dsc.terms_of(apart, apart, 4, sharp)["blocks"].item() > 0.01
