from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pipeline.methods.ensemble import consensus, sureness

CLUSTERS, IMAGES = 5, 400


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return np.random.default_rng(0).integers(CLUSTERS, size=IMAGES)


def noisy(truth: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A clustering with other numbers, a share of whose images are somewhere at random."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(CLUSTERS)[truth]
    wrong = rng.random(len(truth)) < share
    return np.where(wrong, rng.integers(CLUSTERS, size=len(truth)), numbers)


def test_many_noisy_clusterings_agree_on_the_truth(truth: np.ndarray) -> None:
    members = [noisy(truth, 0.3, seed) for seed in range(9)]
    found = consensus(members, CLUSTERS, 0)
    alone = max(adjusted_rand_score(truth, member) for member in members)
    assert adjusted_rand_score(truth, found) > 0.95 > 0.8 > alone


def test_clusters_need_not_correspond_nor_be_equally_many(truth: np.ndarray) -> None:
    finer = truth * 2 + np.arange(IMAGES) % 2
    found = consensus([truth, finer], CLUSTERS, 0)
    assert adjusted_rand_score(truth, found) == 1


def test_the_same_seed_gives_the_same_consensus(truth: np.ndarray) -> None:
    members = [noisy(truth, 0.5, seed) for seed in range(3)]
    assert np.array_equal(consensus(members, CLUSTERS, 7), consensus(members, CLUSTERS, 7))


def test_sureness_is_the_mean_share_as_a_loop_counts_it(truth: np.ndarray) -> None:
    members = [noisy(truth, 0.4, seed) for seed in range(3)]
    expected = np.zeros(IMAGES)
    for image in range(IMAGES):
        for member in members:
            beside = member == member[image]
            expected[image] += (truth[beside] == truth[image]).mean() / len(members)
    np.testing.assert_allclose(sureness(members, truth), expected)
    assert sureness([truth], truth).tolist() == [1.0] * IMAGES
