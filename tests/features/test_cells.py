from __future__ import annotations

import numpy as np
import pytest

from pipeline.features import cells
from pipeline.features.cells import near_neighbours
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "EXACT", 100)
    monkeypatch.setattr(cells, "ROWS", 40)


def groups(count: int) -> np.ndarray:
    """Rows of length 1 in twenty groups that overlap."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 16))
    rows: np.ndarray = unit_length(centres[rng.integers(20, size=count)] + rng.normal(size=(count, 16)))
    return rows.astype(np.float32)


def test_few_rows_have_the_bytes_of_an_exact_search() -> None:
    for mine, exact in zip(near_neighbours(groups(100), 5), neighbours(groups(100), 5), strict=True):
        assert mine.tobytes() == exact.tobytes()


@pytest.mark.parametrize("at_once", [cells.AT_ONCE, 1000])
def test_nearly_all_neighbours_are_found_with_their_distances(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(cells, "AT_ONCE", at_once)
    rows = groups(2000)
    found, distances = near_neighbours(rows, 8)
    exact, _ = neighbours(rows, 8)
    assert np.mean([len({*mine} & {*its}) / 8 for mine, its in zip(found.tolist(), exact.tolist(), strict=True)]) > 0.95
    away = np.linalg.norm(rows[found].astype(np.float64) - rows[:, None], axis=2)
    np.testing.assert_allclose(distances, away, atol=1e-3)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert (found != np.arange(2000)[:, None]).all()
    again, lengths = near_neighbours(rows, 8)
    assert (again.tobytes(), lengths.tobytes()) == (found.tobytes(), distances.tobytes())


def test_with_every_cell_around_the_search_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "AROUND", 50)
    rows = groups(1000)
    found, distances = near_neighbours(rows, 8)
    exact, lengths = neighbours(rows, 8)
    assert (found == exact).mean() > 0.999  # Of two that are as far by the last bit, either may come first.
    np.testing.assert_allclose(distances, lengths, atol=1e-3)


@pytest.mark.parametrize("rows", [np.zeros((150, 4), np.float32), np.eye(150, dtype=np.float32)])
def test_equal_rows_have_neighbours_as_well(rows: np.ndarray) -> None:
    found, distances = near_neighbours(rows, 140)
    assert found.shape == (150, 140)
    assert all(len({*numbers, row}) == 141 for row, numbers in enumerate(found.tolist()))
    assert np.isfinite(distances).all()
