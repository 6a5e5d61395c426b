from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score, silhouette_score

from pipeline.features.neighbours import neighbours
from pipeline.features.quality import agreement, neighbour_kappa, silhouette


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 50)
    return rng.normal(0, 5, (4, 12))[truth] + rng.normal(size=(200, 12)), truth


def test_agreement_is_the_mean_index_with_the_others() -> None:
    rng = np.random.default_rng(1)
    clusterings = [rng.integers(3, size=80) for _ in range(4)]
    expected = [
        np.mean([adjusted_rand_score(one, other) for number, other in enumerate(clusterings) if number != at])
        for at, one in enumerate(clusterings)
    ]
    np.testing.assert_allclose(agreement(clusterings), expected)


def test_what_most_agree_on_is_chosen(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    _, truth = blobs
    rng = np.random.default_rng(2)
    odd = [np.where(rng.random(200) < 0.4, rng.integers(4, size=200), truth) for _ in range(5)]
    assert agreement([*odd, truth]).argmax() == 5


def test_neighbours_share_true_clusters_and_not_random_ones(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    rows, truth = blobs
    near, _ = neighbours(rows, 5)
    assert neighbour_kappa(truth, near) == pytest.approx(1, abs=0.02)
    drawn = np.random.default_rng(3).integers(4, size=200)
    assert abs(neighbour_kappa(drawn, near)) < 0.1
    assert neighbour_kappa(np.zeros(200, int), near) == 0
    # With one neighbour each, all of them drawn alike, it is Cohen's kappa.
    partner = np.random.default_rng(4).permutation(200)[:, None]
    assert neighbour_kappa(truth, partner) == pytest.approx(cohen_kappa_score(truth, truth[partner[:, 0]]))


def test_the_silhouette_is_scikit_learn_s(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    rows, truth = blobs
    assert silhouette(rows, truth, 1000, 0) == pytest.approx(silhouette_score(rows, truth, metric="cosine"))
    assert silhouette(rows, np.zeros(200, int), 1000, 0) == 0
    assert silhouette(rows, np.arange(200), 1000, 0) == 0
