"""The clusters of the last fit stand where few pictures came or went since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.cli.settings import Settings
from pipeline.collection.cluster import cluster_collection
from pipeline.collection.request import requested
from pipeline.collection.result import Collection
from pipeline.heads.predictions import read_runs
from tests.collection.test_lasting import IDS, MADE, ROWS, shown

FIRST, LATER = range(50), [*range(2, 50), 51, 52]
"""Two gone and two new of fifty: less than a tenth."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def clustered(
    rows: Sequence[int] = FIRST,
    count: int | None = 4,
    method: str = "kmeans",
    seed: int = 0,
    refit: bool = False,
    embeddings: np.ndarray = ROWS,
) -> list[str]:
    """What a run said."""
    np.savez("some.npz", embeddings=embeddings[list(rows)], path=[IDS[row] for row in rows])
    said: list[str] = []
    request = requested(["some.npz"], None, None, "cpu")
    cluster_collection(request, count, method, seed, lambda line, err=False: said.append(line), "", refit)
    return said


def stood(said: Sequence[str]) -> bool:
    return any("the clusters of the last fit stand" in line for line in said)


def head() -> bytes:
    return (MADE.head / "head.safetensors").read_bytes()


def test_the_clusters_stand_where_little_changed() -> None:
    assert not stood(clustered())
    before, fitted = shown(), head()
    said = clustered(LATER)
    now = shown()
    assert head() == fitted
    assert list(now) == [IDS[row] for row in LATER]
    assert all(now[name] == before[name] for name in now if name in before)
    assert any("2 pictures new, 2 gone since, of 50" in line for line in said)
    assert "2 new, 2 gone; 4 of 4 clusters kept their numbers" in said
    assert json.loads(MADE.about.read_text())["pictures"] == 50
    # The same once more, and back to the pictures that it was fitted on.
    assert stood(clustered(LATER))
    assert head() == fitted
    assert stood(clustered())
    assert shown() == before
    assert any("fitted before" in line for line in clustered())


def test_what_changed_is_counted_from_the_fit_on() -> None:
    clustered(range(40))
    assert stood(clustered(range(42)))
    assert not stood(clustered(range(44)))  # Four of forty, though two came last.
    assert stood(clustered(range(46)))


def test_changed_contents_under_the_same_names_are_new() -> None:
    clustered()
    assert not stood(clustered(embeddings=ROWS[::-1]))


@pytest.mark.parametrize("more", [{"count": 5}, {"seed": 3}, {"method": "agglomerative"}, {"refit": True}])
def test_another_wish_is_fitted_anew(more: dict[str, Any]) -> None:
    clustered()
    fitted = head()
    assert not stood(clustered(LATER, **more))
    assert head() != fitted


def test_the_estimated_number_stands_too() -> None:
    clustered(count=None)
    estimate, chosen = MADE.estimate.read_bytes(), json.loads(MADE.about.read_text())
    assert stood(clustered(LATER, count=None))
    about = json.loads(MADE.about.read_text())
    assert MADE.estimate.read_bytes() == estimate
    assert (about["clusters"], about["estimate"]) == (chosen["clusters"], chosen["estimate"])
    assert stood(clustered(LATER, count=chosen["clusters"]))  # Named, it is the same number.
    clustered(LATER, count=chosen["clusters"], refit=True)
    assert not stood(clustered(FIRST, count=None))  # Nobody estimated that one.


def test_all_runs_are_asked_how_sure_a_picture_is(settings: Settings) -> None:
    clustered()
    before = read_runs(MADE.predictions / "kmeans")
    assert before.shape == (50, settings.cluster.runs)
    clustered(LATER)
    now = read_runs(MADE.predictions / "kmeans")
    assert now[:48].tolist() == before[2:].tolist()
    numbers = [number for number, _ in shown().values()]
    for row in (48, 49):
        alike = next(other for other in range(48) if numbers[other] == numbers[row])
        assert now[row].tolist() == now[alike].tolist()


@pytest.mark.parametrize("lost", ["fitted", "head"])
def test_what_is_lost_or_damaged_is_made_again(lost: str) -> None:
    clustered()
    path = MADE.fitted if lost == "fitted" else MADE.heads / "kmeans" / "head.safetensors"
    path.write_text('{"contents": 3}')
    assert not stood(clustered(LATER))
    assert Collection(MADE.folder).head.is_dir()
    assert stood(clustered([*LATER, 53]))
