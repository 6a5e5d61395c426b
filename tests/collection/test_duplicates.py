from __future__ import annotations

import numpy as np

from pipeline.collection.duplicates import copies


def test_nearly_the_same_goes_by_way_of_others() -> None:
    # 4 and 1 are close, 1 and 5 are, 0 and 2 are; 3 is close to nobody.
    near = np.array([[2], [5], [0], [4], [1], [1]])
    distances = np.array([[0.1], [0.1], [0.1], [0.9], [0.1], [0.1]])
    assert copies(near, distances, 0.1).tolist() == [0, 1, 0, -1, 1, 1]
    assert copies(near, distances, 0.05).tolist() == [-1] * 6
    assert copies(near, np.zeros((6, 1)), 0.0).tolist() == [0, 1, 0, 1, 1, 1]
