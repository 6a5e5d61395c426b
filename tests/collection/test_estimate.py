"""The estimate of the number of clusters, and what it says where there is little to go by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.collection import criteria
from pipeline.collection.criteria import Criterion
from pipeline.collection.estimate import (
    Estimate,
    estimate,
    known_estimate,
    read_estimate,
    recommended,
    write_estimate,
)
from pipeline.collection.proposed import Level
from pipeline.collection.settings import ClusterSettings
from pipeline.features.cache import open_features
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from tests.collection.test_criteria import blobs


@pytest.fixture
def quick(settings: Settings) -> ClusterSettings:
    """Heads that are trained for a moment."""
    small = replace(settings.cluster.estimate, most=8, most_of_heads=4, steps=20, runs=2, too_many=8, hidden=(16,))
    return replace(settings.cluster, estimate=small)


def ask(rows: np.ndarray, quick: ClusterSettings, settings: Settings) -> Estimate:
    return estimate(rows, quick, settings.fit, "cpu", lambda _: None)


def test_clear_groups_give_a_clear_number(quick: ClusterSettings, settings: Settings) -> None:
    found = ask(blobs(4)[0], quick, settings)
    assert (found.choice, found.low, found.high, found.evidence) == (4, 4, 4, "clear")
    assert found.line() == "about 4 clusters (at every resolution; the evidence is clear)"
    assert [each.name for each in found.criteria] == [
        "communities",
        "finer communities",
        "UMAP's silhouette",
        "eigengap",
        "silhouette",
        "heads' agreement",
        "linear model",
        "survivors",
        "rate reduction",
    ]
    assert len(found.table().splitlines()) == len(found.criteria)


def answers(
    monkeypatch: pytest.MonkeyPatch, communities: int, finer: int, layout: int, silhouette: float, stability: float
) -> None:
    """What the three criteria of the recommendation answer, and how well communities last."""
    monkeypatch.setattr(criteria, "stability", lambda *_: stability)
    for name, number in (("communities", communities), ("finer_communities", finer), ("silhouette_of_layout", layout)):
        made = Criterion(name, number, {number: silhouette}, "")
        monkeypatch.setattr(criteria, name, lambda *_, made=made: made)


@pytest.mark.parametrize(
    ("communities", "finer", "layout", "silhouette", "stability", "expected"),
    [
        (5, 6, 7, 0.7, 0.9, (6, 5, 6, "clear")),
        (6, 5, 10, 0.7, 0.6, (5, 5, 6, "clear")),
        (5, 6, 2, 0.7, 0.9, (6, 5, 6, "fair")),
        (5, 6, 13, 0.9, 0.9, (6, 5, 6, "fair")),
        (1, 1, 2, 0.7, 1.0, (2, 2, 2, "clear")),  # There is no clustering of one.
        # Groups far apart, whatever the finer communities divide further.
        (3, 6, 4, 0.8, 0.9, (3, 3, 4, "clear")),
        (3, 4, 3, 0.8, 0.9, (3, 3, 3, "clear")),
        # Halfway between 8 and the middle of 5 and 30; the levels are the range.
        (5, 8, 8, 0.9, 1.0, (10, 5, 25, "weak")),
        (3, 5, 4, 0.7, 0.9, (8, 5, 20, "weak")),
        (7, 8, 8, 0.9, 0.5, (10, 5, 25, "weak")),
    ],
)
def test_the_evidence_is_how_far_three_criteria_agree(
    communities: int,
    finer: int,
    layout: int,
    silhouette: float,
    stability: float,
    expected: tuple[int, int, int, str],
    quick: ClusterSettings,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, communities, finer, layout, silhouette, stability)
    found = recommended(blobs(4, 240)[0], quick, settings.fit)
    assert (found.choice, found.low, found.high, found.evidence) == expected
    assert bool(found.levels) == (found.evidence == "weak")
    assert ("choose a level with -k" in found.line()) == (found.evidence == "weak")


def test_noise_has_no_clear_number_but_levels(quick: ClusterSettings, settings: Settings) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    found = ask(rows, quick, settings)
    assert found.evidence == "weak"
    assert [level.name for level in found.levels] == ["coarse", "medium", "fine"]
    assert [level.clusters for level in found.levels] == [found.low, found.choice, found.high]


@pytest.mark.parametrize("count", [2, 3, 5, 12, 29])
def test_few_pictures_have_an_estimate_that_is_weak(count: int, quick: ClusterSettings, settings: Settings) -> None:
    found = ask(blobs(2, count)[0], quick, settings)
    assert 2 <= found.choice <= count
    assert found.low <= found.choice <= found.high
    assert found.evidence == "weak"
    assert ("choose a level" if found.levels else "try other numbers") in found.line()


def test_pictures_that_are_all_the_same_have_one_too(quick: ClusterSettings, settings: Settings) -> None:
    for count in (2, 40):
        found = ask(np.ones((count, 16), np.float32), quick, settings)
        assert 2 <= found.choice <= count


def test_the_same_embeddings_give_the_same_estimate(quick: ClusterSettings, settings: Settings) -> None:
    rows = blobs(3, spread=0.3)[0]
    assert ask(rows, quick, settings) == ask(rows, quick, settings)


def test_an_estimate_is_known_until_something_changes(
    quick: ClusterSettings, settings: Settings, tmp_path: Path
) -> None:
    rows = blobs(3, 40)[0]
    shard = write_shard(tmp_path / "train-00000.h5", [str(i) for i in range(40)], rows[:, None], "f")
    Manifest("mine", "embeddings", "f", 16, 0, {}, {"train": [shard]}).write(tmp_path)
    features = open_features(tmp_path)
    path = tmp_path / "estimate.json"
    assert known_estimate(path, features, quick, settings.fit) is None
    made = replace(ask(rows, quick, settings), levels=[Level("medium", 3, 13, 14, 0.75)])
    write_estimate(path, made, features, quick, settings.fit)
    assert known_estimate(path, features, quick, settings.fit) == made
    assert known_estimate(path, features, replace(quick, balance_weight=3.0), settings.fit) is None
    assert json.loads(path.read_text())["criteria"][0]["name"] == "communities"
    known = json.loads(path.read_text())
    del known["levels"]  # As it was written before there were any.
    path.write_text(json.dumps(known))
    assert read_estimate(path) == replace(made, levels=[])
    path.write_text("{")
    with pytest.raises(PipelineError, match="not JSON"):
        known_estimate(path, features, quick, settings.fit)
