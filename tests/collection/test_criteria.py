"""Every criterion on groups that lie far apart, where the number is beyond doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.cli.settings import Settings
from pipeline.collection import criteria
from pipeline.collection.settings import EstimateSettings
from pipeline.methods import umap_kmeans


def blobs(groups: int, count: int = 240, spread: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (count, 16) in so many groups far apart, and the group of each."""
    rng = np.random.default_rng(0)
    which = np.arange(count) % groups
    return (np.eye(groups, 16)[which] + rng.normal(0, spread, (count, 16))).astype(np.float32), which


@pytest.fixture
def few(settings: Settings) -> EstimateSettings:
    return replace(settings.cluster.estimate, most=8)


@pytest.mark.parametrize("groups", [2, 3, 6])
@pytest.mark.parametrize("criterion", ["communities", "finer_communities", "eigengap", "silhouette"])
def test_groups_that_lie_apart_are_counted(criterion: str, groups: int, few: EstimateSettings) -> None:
    rows = criteria.prepared(blobs(groups)[0], few)
    found = getattr(criteria, criterion)(criteria.joined(rows) if "communities" in criterion else rows, few)
    assert found.choice == groups
    assert found.name == criterion.replace("_", " ")
    assert groups in found.curve


def test_communities_are_counted_at_every_resolution(few: EstimateSettings) -> None:
    graph = criteria.joined(criteria.prepared(blobs(3, spread=0.3)[0], few))
    found, finer = criteria.communities(graph, few), criteria.finer_communities(graph, few)
    for each in (found, finer):
        assert sum(each.curve.values()) == pytest.approx(1)
        assert min(each.curve) <= (each.choice or 0) <= max(each.curve)
    assert "resolution 0.2 to 0.6" in found.text
    assert "resolution 1)" in finer.text
    assert criteria.communities(graph, few) == found
    assert criteria.finer_communities(graph, replace(few, fine_resolution=0.2)).choice == min(found.curve)


@pytest.mark.parametrize("groups", [3, 6])
def test_umaps_layout_shows_the_groups_too(groups: int, few: EstimateSettings, settings: Settings) -> None:
    rows = criteria.prepared(blobs(groups)[0], few)
    umap = settings.fit.section("umap_kmeans", umap_kmeans.Settings)
    found = criteria.silhouette_of_layout(rows, few, umap)
    assert found.choice == groups
    assert found == criteria.silhouette_of_layout(rows, few, umap)


def test_groups_that_lie_apart_last_in_subsamples_and_noise_does_not(few: EstimateSettings) -> None:
    noise = np.random.default_rng(0).normal(size=(240, 16)).astype(np.float32)
    groups, noise = (criteria.prepared(rows, few) for rows in (blobs(4)[0], noise))
    assert criteria.stability(criteria.joined(groups), groups, few) == 1
    assert criteria.stability(criteria.joined(noise), noise, few) < 0.5


def test_an_odd_one_out_is_no_community(few: EstimateSettings) -> None:
    rows, _ = blobs(3)
    rows[0] = -10 * rows.mean(0)
    assert criteria.communities(criteria.joined(rows), few).choice == 3


def test_a_large_collection_is_sampled(few: EstimateSettings) -> None:
    rows, _ = blobs(3)
    sampled = criteria.prepared(rows, replace(few, images=50))
    assert sampled.shape == (50, 16)
    assert np.array_equal(sampled, criteria.prepared(rows, replace(few, images=50)))


def test_heads_agree_where_they_say_the_same() -> None:
    _, which = blobs(3)
    rng = np.random.default_rng(1)
    runs = {3: [which, (which + 1) % 3, which[:]], 4: [rng.integers(0, 4, len(which)) for _ in range(3)]}
    found = criteria.agreement(runs)
    assert found.choice == 3
    assert found.curve[3] == pytest.approx(1)
    assert abs(found.curve[4]) < 0.1


def test_a_linear_model_tells_real_groups_from_random_ones() -> None:
    rows, which = blobs(3)
    rng = np.random.default_rng(1)
    found = criteria.linear_accuracy(rows, {3: [which], 4: [rng.integers(0, 4, len(which))]})
    assert found.choice == 3
    assert found.curve[3] > 0.95
    assert abs(found.curve[4]) < 0.2


def test_a_clustering_that_no_model_can_be_fitted_to_has_no_value() -> None:
    rows, which = blobs(3)
    lonely = np.zeros_like(which)
    lonely[0] = 1
    found = criteria.linear_accuracy(rows, {2: [lonely], 3: [np.zeros_like(which)]})
    assert (found.choice, found.curve) == (None, {})


def test_the_least_length_is_chosen_and_of_equals_the_first() -> None:
    found = criteria.rate_reduction({2: 30.0, 3: 10.0, 4: 20.0, 5: 10.0})
    assert (found.choice, found.curve[4]) == (3, 20.0)
    assert criteria.rate_reduction({}).choice is None


def test_survivors_are_the_clusters_in_use() -> None:
    labels = np.repeat([0, 3, 7], [500, 300, 200])
    labels[0] = 5
    found = criteria.survivors(labels, 10)
    assert found.choice == 3
    assert list(found.curve) == list(range(1, 11))
    assert list(found.curve.values()) == sorted(found.curve.values(), reverse=True)
