"""The levels above and below the clusters, against blobs whose levels are known."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.collection.estimate import Estimate
from pipeline.collection.levels import FEWEST, nested_levels, parted
from pipeline.features.lengths import unit_length

NUMBERS = np.array([0, 1, 2, 5, 7, 8])
"""Of the clusters, with gaps, as lasting numbers have."""


def blobs() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of 3 kinds with 2 clusters each of 2 parts each; kind, number of the cluster, and part of each."""
    rng = np.random.default_rng(0)
    parts = np.repeat(np.arange(12), 15)
    rng.shuffle(parts)
    clusters, kinds = parts // 2, parts // 4
    rows = 9 * np.eye(3, 24)[kinds] + 3 * np.eye(6, 24, 3)[clusters] + np.eye(12, 24, 9)[parts]
    rows = rows + rng.normal(0, 0.05, rows.shape)
    return unit_length(rows).astype(np.float32), kinds, NUMBERS[clusters], parts


def same(found: np.ndarray, truth: np.ndarray) -> bool:
    """Whether two partitions are the same but for their numbers."""
    pairs = {(int(a), int(b)) for a, b in zip(found, truth, strict=True)}
    return len(pairs) == len(set(found.tolist())) == len(set(truth.tolist()))


def estimated(low: int, high: int) -> Estimate:
    return Estimate(6, low, high, "fair", 180, [])


def test_the_known_levels_are_found() -> None:
    rows, kinds, clusters, parts = blobs()
    levels = nested_levels(rows, clusters, estimated(3, 12))
    assert levels.groups == [[0, 1], [2, 5], [7, 8]]
    group_of = {number: group for group, numbers in enumerate(levels.groups) for number in numbers}
    assert same(np.array([group_of[int(number)] for number in clusters]), kinds)
    assert same(levels.parts, parts)


def test_without_an_estimate_there_are_fewer_groups_and_more_parts_than_clusters() -> None:
    rows, _, clusters, _ = blobs()
    levels = nested_levels(rows, clusters)
    assert len(levels.groups) == 2
    assert len(set(levels.parts.tolist())) == 15
    assert sorted(number for group in levels.groups for number in group) == NUMBERS.tolist()


@pytest.mark.parametrize("estimate", [None, estimated(2, 6), estimated(6, 500), estimated(9, 20)])
def test_the_levels_are_nested_whatever_was_estimated(estimate: Estimate | None) -> None:
    rows, _, clusters, _ = blobs()
    levels = nested_levels(rows, clusters, estimate)
    sizes = np.bincount(levels.parts)
    assert sizes.min() >= FEWEST
    assert 6 <= len(sizes) <= 24
    for part in range(len(sizes)):
        assert len(set(clusters[levels.parts == part].tolist())) == 1
    assert sorted(number for group in levels.groups for number in group) == NUMBERS.tolist()


def test_the_same_input_gives_the_same_levels() -> None:
    rows, _, clusters, _ = blobs()
    first, second = (nested_levels(rows, clusters) for _ in range(2))
    assert first.groups == second.groups
    np.testing.assert_array_equal(first.parts, second.parts)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_pictures_that_are_all_the_same_or_too_few_stay_together(count: int) -> None:
    rows = np.ones((2 * count, 4), np.float16)
    clusters = np.arange(2 * count) % 2
    assert parted(rows, clusters, 8).tolist() == clusters.tolist()
    levels = nested_levels(rows, clusters)
    assert levels.groups == [[0], [1]]


def test_one_cluster_has_parts() -> None:
    rows, kinds, _, _ = blobs()
    levels = nested_levels(rows, np.full(len(rows), 4))
    assert levels.groups == [[4]]
    assert len(set(levels.parts.tolist())) == 2
    assert same(parted(rows, np.zeros(len(rows), int), 3), kinds)
