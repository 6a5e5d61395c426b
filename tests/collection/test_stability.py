"""How stable clusters are, by hand-made trials: indices, where pictures go, what confidence foretells."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from pipeline.collection.stability import (
    APART,
    BORDER,
    FEWER,
    HOLDS,
    NOWHERE,
    SEEDS,
    Stability,
    Trial,
    measured,
    renumbered,
    verdict,
)

OWN = np.array([3, 3, 3, 3, 7, 7, 7, 7])
EVERY = np.arange(8)
SURE = np.linspace(1, 0.3, 8)


def trial(kind: str, clusters: list[int], rows: np.ndarray = EVERY) -> Trial:
    return Trial(kind, rows, np.array(clusters))


def test_another_clustering_gets_the_numbers_of_the_first() -> None:
    np.testing.assert_array_equal(renumbered(OWN, np.array([1, 1, 1, 0, 0, 0, 0, 0])), [3, 3, 3, 7, 7, 7, 7, 7])


def test_each_cluster_has_one_partner_and_others_keep_none() -> None:
    found = renumbered(OWN, np.array([0, 0, 1, 1, 1, 2, 2, 2]))
    assert set(found[:2]) == {3}
    assert set(found[5:]) == {7}
    assert set(found[2:5]) == {-2}
    # All in one: only one of the two clusters can be found again.
    merged = renumbered(OWN, np.zeros(8, int))
    assert len(set(merged)) == 1
    assert merged[0] in (3, 7)


def test_what_is_the_same_everywhere_is_stable() -> None:
    found = measured(OWN, SURE, [trial(FEWER, [3, 3, 7], np.array([0, 2, 5])), trial("jpeg", OWN.tolist())])
    assert found.numbers == (3, 7)
    np.testing.assert_array_equal(found.jaccard, [1, 1])
    assert found.kinds == (FEWER, "jpeg")
    np.testing.assert_array_equal(found.moved, [0, 0])
    np.testing.assert_array_equal(found.ari, [1, 1])
    assert np.isnan(found.auroc).all()
    np.testing.assert_array_equal(np.isnan(found.stays), ~np.isin(EVERY, [0, 2, 5]))
    assert not found.wandering.any()
    assert set(found.goes) == {NOWHERE}


def some() -> Stability:
    """The last picture of cluster 3 goes to 7 in all fits, the first of 7 in one, and under JPEG everything else."""
    return measured(
        OWN,
        SURE,
        [
            trial(FEWER, [3, 3, 7, 7, 7], np.array([0, 1, 3, 4, 5])),
            trial(SEEDS, [3, 3, 3, 7, -1, 7, 7, 7]),
            trial(SEEDS, [3, 3, 3, 7, 3, 7, 7, 7]),
            trial("jpeg", [3, 3, 3, 3, 3, 3, 3, 3]),
        ],
    )


def test_the_index_of_a_cluster_is_the_mean_over_the_fits() -> None:
    def index(number: int, clusters: list[int], rows: np.ndarray = EVERY) -> float:
        return float(jaccard_score(OWN[rows] == number, np.array(clusters) == number))

    fits = [([3, 3, 7, 7, 7], np.array([0, 1, 3, 4, 5])), ([3, 3, 3, 7, -1, 7, 7, 7], EVERY)]
    fits.append(([3, 3, 3, 7, 3, 7, 7, 7], EVERY))
    expected = [np.mean([index(number, *fit) for fit in fits]) for number in (3, 7)]
    np.testing.assert_allclose(some().jaccard, expected)


def test_pictures_stay_or_go_where_they_are_most_often() -> None:
    found = some()
    np.testing.assert_allclose(found.stays, [1, 1, 1, 0, 1 / 3, 1, 1, 1])
    np.testing.assert_array_equal(found.goes, [NOWHERE] * 3 + [7, 3, 3, 3, 3])
    np.testing.assert_array_equal(found.undisturbed, [1, 1, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(found.wandering, EVERY > 2)
    shares = dict(zip(found.kinds, found.cluster_by_kind.T.tolist(), strict=True))
    assert shares["jpeg"] == [1, 0]
    assert shares[SEEDS] == [0.75, 0.75]


def test_confidence_foretells_what_moves_as_far_as_it_is_low_there() -> None:
    by_kind = dict(zip(some().kinds, some().auroc.tolist(), strict=True))
    assert by_kind["jpeg"] == 1  # The second cluster moves, and is the less sure one.
    turned = measured(OWN, SURE[::-1], [trial("jpeg", [3] * 8)])
    assert turned.auroc == [0]
    assert np.isnan(turned.jaccard).all()
    assert np.isnan(turned.stays).all()


@pytest.mark.parametrize(
    ("index", "word"), [(1.0, HOLDS), (0.75, HOLDS), (0.74, BORDER), (0.6, BORDER), (0.1, APART), (0, APART)]
)
def test_a_cluster_is_called_as_hennig_does(index: float, word: str) -> None:
    assert verdict(index) == word
    assert verdict(float("nan")) == ""
