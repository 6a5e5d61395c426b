"""benchmarks/collections.py: the seal, and the tables."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import collections
from benchmarks.collections import DEVELOPMENT, SCORES, SEALED, Contender, Fitted, chosen, tables
from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.images.datasets.benchmark import LOOKED_AT, divided


@pytest.mark.parametrize(
    ("role", "named"), [(SEALED, []), (DEVELOPMENT, ["wesnoth-units"]), (SEALED, ["scratch", "dia-shapes"])]
)
def test_a_sealed_set_is_run_on_only_by_whoever_says_so(role: str, named: list[str]) -> None:
    with pytest.raises(PipelineError, match=r"^[\w-]+: it is sealed: .* once.*, or add --sealed-once$") as raised:
        chosen(role, named, sealed_once=False)
    assert "\n" not in str(raised.value)
    assert chosen(role, named, sealed_once=True) == (named or list(divided()[1]))


def test_sets_for_development_are_open() -> None:
    assert chosen(DEVELOPMENT, [], sealed_once=False) == list(divided()[0])
    assert chosen(DEVELOPMENT, list(LOOKED_AT), sealed_once=False) == list(LOOKED_AT)
    with pytest.raises(PipelineError, match="expected a set of the benchmark, one of diagrams, "):
        chosen(DEVELOPMENT, ["stl10"], sealed_once=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "1"], "--seeds 1: expected at least 2, for the deviation"),
        (["--method", "umapp"], "--method: unknown method 'umapp'"),
        (["--method", "auto fit.auto.power=1"], "unknown"),
    ],
)
def test_wrong_arguments_are_refused_before_a_set_is_prepared(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["collections", *arguments])
    monkeypatch.setattr(collections, "fits", lambda *_: pytest.fail("a set was prepared"))
    with pytest.raises(SystemExit, match=f"^collections: .*{message}"):
        collections.main()


def test_a_method_may_have_values_of_its_own() -> None:
    plain, changed = Contender("umap-kmeans"), Contender("umap-kmeans fit.umap_kmeans.neighbours=7")
    assert plain.method == changed.method == "umap-kmeans"
    before, after = (each.settings.fit.sections["umap_kmeans"].values for each in (plain, changed))
    assert after == {**before, "neighbours": 7} != before


def test_the_tables_give_means_spreads_ranks_and_distances() -> None:
    accuracies = {
        ("one", "kmeans"): (0.5, 0.6),
        ("one", "auto"): (0.7, 0.7),
        ("two", "kmeans"): (0.4, 0.4),
        ("two", "auto"): (0.3, 0.3),
    }
    found = [
        Fitted(dataset, method, seed, (accuracy, 0.2, 0.1, 3.0))
        for (dataset, method), both in accuracies.items()
        for seed, accuracy in enumerate(both)
    ]
    lines = tables(found).splitlines()
    assert lines[2:4] == ["| one | 55.0 ± 7.1 | 70.0 ± 0.0 |", "| two | 40.0 ± 0.0 | 30.0 ± 0.0 |"]
    assert lines[-2:] == [
        "| kmeans | 47.5 | 20.0 | 10.0 | 1.50 | 15.0 | 3.0 |",
        "| auto | 50.0 | 20.0 | 10.0 | 1.50 | 10.0 | 3.0 |",
    ]


def test_a_set_is_prepared_embedded_fitted_and_scored(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project()
    monkeypatch.setattr("sys.argv", ["", "--dataset", "digits", "--method", "kmeans", "--seeds", "2", "--most", "30"])
    collections.main()
    first = capsys.readouterr().out
    assert re.search(r"^\| digits \| \d\d\.\d ± \d+\.\d \|$", first, re.MULTILINE)
    assert (folder / collections.OUT / "development.md").read_text() in first
    rows = list(read_table(folder / collections.OUT / "development.csv", ("dataset", "method", "seed", *SCORES), ""))
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert all(0.1 < float(row["acc"]) < 1 for row in rows)
    shards = {path: path.stat().st_mtime_ns for path in folder.glob("data/benchmarks/features/digits-30/*/*.h5")}
    assert shards
    collections.main()
    assert all(path.stat().st_mtime_ns == before for path, before in shards.items())
