from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn import metrics as sklearn_metrics

from pipeline.evaluation import scores
from pipeline.evaluation.scores import METRICS

CASES = [(500, 10, 10), (300, 3, 12), (300, 12, 3), (50, 1, 5), (40, 7, 1), (5, 5, 5), (1000, 100, 20)]


def labelings(images: int, clusters: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(images + clusters)
    return rng.integers(0, clusters, images) * 3 + 1, rng.integers(0, classes, images)


@pytest.mark.parametrize(("images", "clusters", "classes"), CASES)
def test_metrics_equal_the_libraries(images: int, clusters: int, classes: int) -> None:
    assigned, truth = labelings(images, clusters, classes)
    counts = np.zeros((assigned.max() + 1, truth.max() + 1), int)
    np.add.at(counts, (assigned, truth), 1)
    rows, columns = linear_sum_assignment(-counts)
    assert scores.accuracy(assigned, truth) == pytest.approx(counts[rows, columns].sum() / images, abs=1e-12)
    assert scores.nmi(assigned, truth) == pytest.approx(sklearn_metrics.normalized_mutual_info_score(truth, assigned))
    assert scores.ari(assigned, truth) == pytest.approx(sklearn_metrics.adjusted_rand_score(truth, assigned))


@pytest.mark.parametrize(("clusters", "classes"), [(3, 3), (2, 4), (4, 2)])
def test_accuracy_is_the_best_of_all_matchings(clusters: int, classes: int) -> None:
    assigned, truth = np.random.default_rng(1).integers(0, [[clusters], [classes]], (2, 60))
    size = max(clusters, classes)
    best = max(
        np.mean([order[cluster] == label for cluster, label in zip(assigned, truth, strict=True)])
        for order in itertools.permutations(range(size))
    )
    assert scores.accuracy(assigned, truth) == pytest.approx(best)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(("images", "clusters", "classes"), CASES)
def test_names_of_clusters_do_not_matter(name: str, images: int, clusters: int, classes: int) -> None:
    assigned, truth = labelings(images, clusters, classes)
    renamed = np.random.default_rng(0).permutation(assigned.max() + 1)[assigned]
    assert METRICS[name](renamed, truth) == pytest.approx(METRICS[name](assigned, truth))


@pytest.mark.parametrize("name", METRICS)
def test_perfect_is_one_and_at_most_one(name: str) -> None:
    truth = np.repeat([0, 1, 2], 20)
    assert METRICS[name]((truth + 1) % 3, truth) == pytest.approx(1.0)
    assigned, _ = labelings(60, 4, 3)
    assert METRICS[name](assigned, truth) < 1.0


def test_hand_computed() -> None:
    assigned, truth = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    assert scores.accuracy(assigned, truth) == pytest.approx(4 / 6)
    assert scores.match(assigned, truth) == {0: 0, 1: 1}


def test_spare_clusters_stay_unmatched() -> None:
    assigned, truth = np.array([0, 0, 1, 2]), np.array([5, 5, 5, 5])
    assert scores.match(assigned, truth) == {0: 5}
