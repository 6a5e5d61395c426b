from __future__ import annotations

import numpy as np

from pipeline.collection.confidence import confidences
from pipeline.features.neighbours import neighbours


def line(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two clusters of pictures on a line that touch, with the neighbours of each."""
    places = np.arange(2 * count, dtype=np.float32)[:, None]
    return *neighbours(places, 4), np.repeat([0, 1], count)


def test_the_core_of_a_cluster_is_surer_than_its_border() -> None:
    near, distances, clusters = line(20)
    own, other = confidences(near, distances, clusters[:, None], clusters, [clusters, 1 - clusters])
    assert own[:15].min() > 0.999
    assert own[19] < own[18] < own[17] < 1
    assert other[19] > other[18] > 0
    assert other[:15].max() == 0


def test_clusters_that_another_run_joins_are_less_sure() -> None:
    near, distances, _ = line(30)
    clusters = np.repeat([0, 1, 2], 20)
    other = np.repeat([5, 3, 3], 20)
    (own,) = confidences(near, distances, np.stack([clusters, other], 1), clusters, [clusters])
    np.testing.assert_allclose(own[:15], 1, atol=1e-6)
    np.testing.assert_allclose(own[27:33], 0.75, atol=1e-6)
    assert 0 <= own.min() <= own.max() <= 1 + 1e-9


def test_equal_embeddings_and_a_single_picture_do_no_harm() -> None:
    clusters = np.array([0, 0, 1])
    near, distances = neighbours(np.ones((3, 2), np.float32), 2)
    (own,) = confidences(near, distances, clusters[:, None], clusters, [clusters])
    assert np.isfinite(own).all()
    one = np.zeros(1, int)
    nothing = np.empty((1, 0))
    own, other = confidences(nothing.astype(int), nothing, one[:, None], one, [one, one + 1])
    assert (own.tolist(), other.tolist()) == ([1.0], [0.0])
