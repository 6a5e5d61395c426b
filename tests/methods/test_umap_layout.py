"""UMAP's layout: its graph against the paper's definition, written out, and what it must keep apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, curve_fit
from sklearn.manifold import trustworthiness

from pipeline.features.neighbours import neighbours
from pipeline.methods import umap_layout
from pipeline.methods.umap_layout import lay_out, near_graph

GROUPS, EACH, DIM = 6, 60, 24


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Groups in `DIM` dimensions, one after the other."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 3, (GROUPS, DIM))
    return (np.repeat(centres, EACH, 0) + rng.normal(0, 1, (GROUPS * EACH, DIM))).astype(np.float32)


def test_the_curve_is_that_of_a_least_distance_of_zero() -> None:
    distances = np.linspace(0, 3, 300)
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), distances, np.exp(-distances))
    np.testing.assert_allclose((umap_layout.A, umap_layout.B), (a, b), atol=1e-5)


def weights_of(distances: np.ndarray) -> np.ndarray:
    """The paper's: exp(-(d - rho) / sigma), which together are log2 of the number of neighbours with the image."""
    beyond = np.maximum(distances - distances[distances > 0].min(), 0)
    wanted = math.log2(len(distances) + 1)
    scale = brentq(lambda sigma: np.exp(-beyond / sigma).sum() - wanted, 1e-6, 1e6, xtol=1e-13)
    weights: np.ndarray = np.exp(-beyond / scale)
    return weights


def test_the_graph_is_the_papers(rows: np.ndarray) -> None:
    found, distances = neighbours(rows, 9)
    directed = np.zeros((len(rows), len(rows)))
    for row, (near, far) in enumerate(zip(found, distances.astype(np.float64), strict=True)):
        directed[row, near] = weights_of(far)
    graph = near_graph(found, distances).toarray()
    np.testing.assert_allclose(graph, directed + directed.T - directed * directed.T, atol=1e-6)
    assert (graph == graph.T).all()


def test_pictures_that_look_the_same_have_a_graph_too() -> None:
    rows = np.zeros((20, 4), np.float32)
    graph = near_graph(*neighbours(rows, 5))
    assert np.isfinite(graph.data).all()
    assert np.isfinite(lay_out(graph, rows[:, :2], 10, 0)).all()


def test_groups_come_apart_and_neighbours_stay(rows: np.ndarray) -> None:
    layout = lay_out(near_graph(*neighbours(rows, 14)), rows[:, :4], 200, 0)
    centres = layout.reshape(GROUPS, EACH, 4).mean(1)
    own = np.linalg.norm(layout - np.repeat(centres, EACH, 0), axis=1)
    between = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(GROUPS, 1)]
    assert between.min() > 3 * np.median(own)
    assert trustworthiness(rows, layout, n_neighbors=10) > 0.85


def test_the_same_seed_gives_the_same_bytes_in_any_pieces(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = near_graph(*neighbours(rows, 14))
    layout = lay_out(graph, rows[:, :4], 20, 3)
    assert np.isfinite(layout).all()
    np.testing.assert_array_equal(lay_out(graph, rows[:, :4], 20, 3), layout)
    assert (lay_out(graph, rows[:, :4], 20, 4) != layout).any()
    whole = lay_out(graph, rows[:, :4], 1, 3)
    monkeypatch.setattr(umap_layout, "PAIRS", 100)
    np.testing.assert_allclose(lay_out(graph, rows[:, :4], 1, 3), whole, rtol=1e-4, atol=1e-4)
