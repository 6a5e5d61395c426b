"""Agglomeration on a graph of nearest neighbours, against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pipeline.methods.baselines.agglomeration import edges, first_clusters, merged


def blobs(groups: int, images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Separate groups in the plane."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(groups), images)
    angles = 2 * np.pi * truth / groups
    centres = 10 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return (centres + rng.normal(0, 1, (len(truth), 2))).astype(np.float32), truth


def affinity(weights: np.ndarray, a: list[int], b: list[int]) -> float:
    """Of two clusters, image by image."""
    total = 0.0
    for one, other in ((a, b), (b, a)):
        for x in other:
            away, back = math.fsum(weights[i, x] for i in one), math.fsum(weights[x, i] for i in one)
            total += away * back / len(one) ** 2
    return total


def naive(weights: np.ndarray, labels: np.ndarray, clusters: int) -> set[frozenset[int]]:
    """The clusters after merging those of the largest affinity, each anew."""
    found = [np.flatnonzero(labels == each).tolist() for each in np.unique(labels)]
    while len(found) > clusters:
        pairs = [(i, j) for j in range(len(found)) for i in range(j)]
        i, j = max(pairs, key=lambda pair: affinity(weights, found[pair[0]], found[pair[1]]))
        found[i] += found.pop(j)
    return {frozenset(each) for each in found}


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == each).tolist()) for each in np.unique(labels)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_merging_equals_a_naive_loop(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(40, 3)).astype(np.float32)
    weights, labels = edges(vectors, 8, 1.0), first_clusters(vectors)
    for clusters in (9, 5, 3):
        assert as_sets(merged(vectors, weights, labels, clusters)) == naive(weights, labels, clusters)


def test_an_edge_leads_to_each_of_the_nearest() -> None:
    vectors, _ = blobs(2, 6, 0)
    weights = edges(vectors, 3, 2.0)
    distances = np.square(vectors[:, None] - vectors).sum(2)
    np.fill_diagonal(distances, np.inf)
    near = np.sort(distances, 1)[:, :3]
    expected = np.where(distances <= near[:, -1:], np.exp(-distances / (2 * near.mean())), 0)
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)


def test_separate_groups_are_found_and_then_merged_by_their_means() -> None:
    vectors, truth = blobs(6, 20, 0)
    weights, labels = edges(vectors, 5, 1.0), first_clusters(vectors)
    assert labels.max() > 10
    found = merged(vectors, weights, labels, 6)
    assert adjusted_rand_score(truth, found) == 1
    # No edge leads from group to group any more.
    fewer = merged(vectors, weights, found, 3)
    assert np.unique(fewer).tolist() == [0, 1, 2]
    assert len(set(zip(truth, fewer, strict=True))) == 6


def test_where_there_are_as_few_clusters_already_nothing_is_merged() -> None:
    vectors, _ = blobs(2, 6, 0)
    labels = np.arange(12) % 2
    assert np.array_equal(merged(vectors, edges(vectors, 3, 1.0), labels, 5), labels)
