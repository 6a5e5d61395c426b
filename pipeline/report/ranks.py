"""Methods ranked on several data sets, and which of them differ (Demšar, Statistical Comparisons of Classifiers over
Multiple Data Sets, JMLR 2006).

Friedman's test asks whether any differ, and Nemenyi's critical difference says which. That is what critical-difference
diagrams show in this field. Wilcoxon's test of every pair with Holm's correction (Benavoli et al., JMLR 2016) does not
look at the other methods, but on five data sets its smallest p is 1/16, which no correction for pairs lets pass.
"""

from __future__ import annotations

import math

import numpy as np

LEVEL = 0.05
"""Of both tests."""
FEWEST_METHODS = 3
"""Friedman's test compares no fewer."""


def ranks(scores: np.ndarray) -> np.ndarray:
    """The rank of each method on each data set, float (data sets, methods): 1 is the best, those that are alike share.

    Args:
        scores: float (data sets, methods), the more the better.
    """
    from scipy.stats import rankdata

    found: np.ndarray = rankdata(-scores, axis=1)
    return found


def friedman(scores: np.ndarray) -> tuple[float, float]:
    """Friedman's test that all methods are alike: chi squared and p; see `ranks`.

    The approximation by chi squared is rough below ten data sets.
    """
    from scipy.stats import friedmanchisquare

    if np.all(scores == scores[:, :1]):  # Nothing to divide by.
        return 0.0, 1.0
    found = friedmanchisquare(*scores.T)
    return float(found.statistic), float(found.pvalue)


def critical_value(methods: int) -> float:
    """Nemenyi's q: the studentised range of so many methods with infinite degrees of freedom, by the root of 2."""
    from scipy.stats import studentized_range

    return float(studentized_range.isf(LEVEL, methods, np.inf)) / math.sqrt(2)


def critical_difference(methods: int, datasets: int) -> float:
    """By how much the mean ranks of two methods must differ for Nemenyi's test to tell them apart."""
    return critical_value(methods) * math.sqrt(methods * (methods + 1) / (6 * datasets))


def fewest_datasets(methods: int) -> int:
    """On how many data sets the first everywhere and the last everywhere can be told apart at all."""
    return math.ceil((critical_difference(methods, 1) / (methods - 1)) ** 2)


def alike(means: np.ndarray, difference: float) -> list[tuple[int, int]]:
    """The longest stretches, first and last, of methods that differ by less than a critical difference.

    Args:
        means: float (methods,), mean ranks in ascending order.
        difference: the critical one.
    """
    found: list[tuple[int, int]] = []
    for first, mean in enumerate(means):
        last = int(np.searchsorted(means, mean + difference, "left")) - 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
