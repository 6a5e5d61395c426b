"""The neighbour graph against naive loops, and its eigenvectors where it is in several pieces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import block_diag, csr_array

from pipeline.evaluation.scores import accuracy
from pipeline.features import neighbour_graph
from pipeline.features.neighbour_graph import leading_eigenvectors, self_tuning, shared_neighbours
from pipeline.features.neighbours import neighbours
from pipeline.methods.kmeans import normalise


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


def test_shared_neighbours_are_counted(rows: np.ndarray) -> None:
    near = [set(each) for each in neighbours(rows, 8)[0].tolist()]
    expected = [
        [len(near[i] & near[j]) if j in near[i] or i in near[j] else 0 for j in range(len(rows))]
        for i in range(len(rows))
    ]
    assert np.array_equal(shared_neighbours(rows).toarray(), expected)


def test_self_tuning_weights_are_those_of_a_naive_loop(rows: np.ndarray) -> None:
    found, distances = neighbours(rows, 6)
    expected = np.zeros((len(rows), len(rows)))
    for i in range(len(rows)):
        for j, distance in zip(found[i], distances[i], strict=True):
            weight = np.exp(-(float(distance) ** 2) / (float(distances[i, 3]) * float(distances[j, 3])))
            expected[i, j] = expected[j, i] = weight
    assert self_tuning(found, distances, 4).toarray() == pytest.approx(expected)


def test_images_that_look_alike_weigh_one() -> None:
    graph = self_tuning(*neighbours(np.ones((5, 3), np.float32), 2), 2)
    assert set(graph.data.tolist()) == {1.0}


def test_the_eigenvectors_are_those_of_the_dense_matrix(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = self_tuning(*neighbours(rows, 6), 4)
    dense = leading_eigenvectors(graph, 4, 0.01)
    monkeypatch.setattr(neighbour_graph, "SMALL", 0)
    sparse = leading_eigenvectors(graph, 4, 0.01)
    assert np.abs((dense * sparse).sum(0)) == pytest.approx(np.ones(4), abs=1e-6)
    assert sparse.tobytes() == leading_eigenvectors(graph, 4, 0.01).tobytes()


@pytest.mark.parametrize("small", [0, 500])
def test_pieces_are_told_apart_even_where_they_are_the_same(
    rows: np.ndarray, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_graph, "SMALL", small)
    piece = self_tuning(*neighbours(rows, 10), 4)
    found = normalise(leading_eigenvectors(csr_array(block_diag([piece] * 5)), 5, 0.01))
    truth = np.repeat(np.arange(5), len(rows))
    # All rows of a piece point in one direction, those of others in another.
    centres = np.stack([found[truth == each].mean(0) for each in range(5)])
    assert accuracy((found @ normalise(centres).T).argmax(1), truth) == 1
    assert np.linalg.matrix_rank(centres, tol=0.1) == 5
