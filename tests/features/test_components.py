from __future__ import annotations

import numpy as np
import pytest

from pipeline.features.components import Components


@pytest.mark.parametrize("shape", [(50, 8), (8, 50)])
def test_the_components_are_those_of_the_singular_values(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).normal(size=shape)
    components = Components.of(rows, 3)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(unit - unit.mean(0), full_matrices=False)
    projected = components.project(rows)
    assert np.abs(projected) == pytest.approx(np.abs((unit - unit.mean(0)) @ axes[:3].T), abs=1e-5)
    assert Components.restore(components.tensors()).project(rows).tobytes() == projected.tobytes()


def test_there_are_no_more_than_rows_or_dimensions() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 8))
    assert Components.of(rows, 50).axes.shape == (4, 8)
    assert Components.of(rows.T, 50).axes.shape == (4, 4)


@pytest.mark.parametrize("count", [6, 3])
def test_equal_rows_are_projected_on_one_point(count: int) -> None:
    rows = np.ones((count, 4), np.float16)
    assert Components.of(rows, 2).project(rows) == pytest.approx(np.zeros((count, 2)), abs=1e-6)
