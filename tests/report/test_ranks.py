"""Ranks and their tests, against the published critical values and the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from pipeline.report.ranks import alike, critical_difference, critical_value, fewest_datasets, friedman, ranks

DEMSAR = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
"""Table 5 of Demšar (JMLR 2006): Nemenyi's q at 5 %, by the number of methods."""


@pytest.mark.parametrize("methods", DEMSAR)
def test_critical_values_are_the_published_ones(methods: int) -> None:
    assert critical_value(methods) == pytest.approx(DEMSAR[methods], abs=1e-3)


def test_the_critical_difference_is_that_of_the_published_example() -> None:
    # Section 3.2.2 of the same: four methods on 14 data sets.
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_the_best_is_first_and_those_that_are_alike_share() -> None:
    found = ranks(np.array([[50.0, 90.0, 70.0], [60.0, 60.0, 10.0], [5.0, 5.0, 5.0]]))
    assert found.tolist() == [[3, 1, 2], [1.5, 1.5, 3], [2, 2, 2]]


def test_friedmans_test_is_the_formula_written_out() -> None:
    scores = np.random.default_rng(0).normal(size=(6, 4)) + np.arange(4)
    means = ranks(scores).mean(0)
    datasets, methods = scores.shape
    chi = 12 * datasets / (methods * (methods + 1)) * (sum(means**2) - methods * (methods + 1) ** 2 / 4)
    assert friedman(scores) == pytest.approx((chi, chi2.sf(chi, methods - 1)))
    assert friedman(np.ones((4, 3))) == (0.0, 1.0)


@pytest.mark.parametrize("methods", [3, 4, 10, 31])
def test_the_fewest_data_sets_are_those_on_which_first_and_last_differ(methods: int) -> None:
    fewest = fewest_datasets(methods)
    assert critical_difference(methods, fewest) <= methods - 1 < critical_difference(methods, fewest - 1)


def test_stretches_that_are_alike_are_the_longest_ones() -> None:
    assert alike(np.array([1.0, 1.5, 2.2, 3.0, 6.0]), 1.3) == [(0, 2), (2, 3)]
    assert alike(np.array([1.0, 2.0, 3.0]), 1.0) == [], "a difference as large as the critical one counts"
    assert alike(np.array([1.0, 2.0, 3.0]), 5.0) == [(0, 2)]
