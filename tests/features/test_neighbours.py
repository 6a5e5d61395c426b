from __future__ import annotations

import numpy as np
import pytest

from pipeline.features import neighbours as search
from pipeline.features.neighbours import Neighbours, nearest, neighbours


@pytest.mark.parametrize(("images", "dim", "count"), [(50, 8, 5), (7, 3, 7), (3, 2, 10), (400, 33, 20)])
def test_it_finds_what_a_plain_loop_finds(images: int, dim: int, count: int) -> None:
    rng = np.random.default_rng(0)
    rows, queries = rng.normal(size=(images, dim)).astype(np.float32), rng.normal(size=(4, dim)).astype(np.float32)
    found, distances = nearest(rows, queries, count)
    assert found.shape == distances.shape == (4, min(count, images))
    for query, numbers, lengths in zip(queries.astype(np.float64), found, distances, strict=True):
        expected = np.sqrt(((rows.astype(np.float64) - query) ** 2).sum(1))
        order = np.argsort(expected, kind="stable")[:count]
        assert numbers.tolist() == order.tolist()
        assert np.allclose(lengths, expected[order], atol=1e-3)


def test_of_equals_the_lower_row_comes_first() -> None:
    rows = np.zeros((9, 4), np.float32)
    rows[4] = 1
    assert nearest(rows, rows[:1], 9)[0].tolist() == [[0, 1, 2, 3, 5, 6, 7, 8, 4]]
    assert nearest(rows, rows[4:5], 1)[1].tolist() == [[0.0]]


@pytest.mark.parametrize(("images", "count"), [(30, 5), (4, 9), (2, 1)])
def test_a_row_is_not_its_own_neighbour_even_among_its_equals(images: int, count: int) -> None:
    rng = np.random.default_rng(0)
    for rows in (rng.normal(size=(images, 6)), np.zeros((images, 6)), rng.integers(0, 2, (images, 2)).astype(float)):
        found, distances = neighbours(rows, count)
        assert found.shape == distances.shape == (images, min(count, images - 1))
        for row in range(images):
            assert row not in found[row]
            expected = np.sort(np.linalg.norm(np.delete(rows, row, 0) - rows[row], axis=1))[:count]
            assert np.allclose(distances[row], expected, atol=1e-3)
            assert len(set(found[row].tolist())) == found.shape[1]


@pytest.mark.parametrize("block", [1, 7, 100])
def test_blocks_of_queries_find_what_all_at_once_find(block: int) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    found, distances = nearest(rows, rows, 6)
    parts = [nearest(rows, rows[first : first + block], 6) for first in range(0, len(rows), block)]
    assert np.array_equal(np.concatenate([part for part, _ in parts]), found)
    # How many queries come together decides how faiss multiplies, and so the last bits; a distance to itself is a root.
    assert np.allclose(np.concatenate([part for _, part in parts]), distances, atol=1e-2)


def test_the_neighbours_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(count)
        return neighbours(rows, count)

    monkeypatch.setattr(search, "neighbours", counted)
    rows = np.random.default_rng(0).normal(size=(20, 3))
    given: list[np.ndarray] = []

    def late() -> np.ndarray:
        given.append(rows)
        return rows

    near = Neighbours(late)
    assert not given
    for count in (4, 2, 18, 4):
        assert np.array_equal(near.nearest(count)[0], neighbours(rows, count)[0])
    assert asked == [16, 18]
    assert len(given) == 1
