"""Ward's method on the means of clusters."""

from __future__ import annotations

import numpy as np

from pipeline.collection.grouping import grouped


def test_a_large_cluster_weighs_more_when_groups_are_joined() -> None:
    """Of two pairs at one distance, the one of small clusters is joined: it loses less."""
    means = np.array([[0.0, 0], [1, 0], [10, 0], [11, 0]])
    assert grouped(means, np.array([100, 100, 3, 3]), 3).tolist() == [0, 1, 2, 2]
    assert grouped(means, np.array([3, 3, 100, 100]), 3).tolist() == [0, 0, 1, 2]
    assert grouped(means, np.array([1, 1, 1, 1]), 9).tolist() == [0, 1, 2, 3]
