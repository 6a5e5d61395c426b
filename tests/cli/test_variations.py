"""Fits with other values than params.yaml's, in folders of their own."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.csv_tables import write_table
from pipeline.cli.main import GROUPS, KEPT, kept_by
from pipeline.cli.settings import Settings
from pipeline.cli.variations import Variation
from pipeline.config.names import LABEL_COLUMNS
from tests.commands import commands, failure
from tests.conftest import BACKBONE, DATASET
from tests.features.test_cache import SPLITS, write_cache
from tests.methods.test_protocol import command

CHANGES = ("-S", "fit.runs=2", "-S", "fit.scp.terms=[consistency, balance]")


def test_a_folder_is_named_after_its_values() -> None:
    one = Variation(("fit.runs=2", "fit.scp.terms=[consistency]"))
    assert one.folder.name.startswith("fit.runs=2_fit.scp.terms=-consistency")
    assert Variation(("fit.scp.terms=[ consistency ]", "fit.runs=2")).folder == one.folder
    assert Variation(("fit.runs=3", "fit.scp.terms=[consistency]")).folder != one.folder
    assert len(Variation(("fit.auto.methods={" + "kmeans: 1, " * 50 + "}",)).folder.name) < 80


def test_a_variation_leaves_the_graphs_results_and_is_scored(
    project: Callable[..., Path],
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = project(
        **{
            "fit.runs": 1,
            "fit.methods": ["kmeans"],
            "fit.training.hidden": [8, 8, 8, 8],
            "fit.training.min_steps": 5,
            "fit.training.epochs": 1,
            f"datasets.{DATASET}.clusters": 2,
            f"datasets.{DATASET}.image_size": 32,
        }
    )
    write_cache(root / "data" / "features" / DATASET / BACKBONE, settings, 6)
    ids = [(f"{split}-{row}", f"class {row % 2}") for split, rows in SPLITS.items() for row in range(rows)]
    write_table(root / "data" / "labels" / f"{DATASET}.csv", LABEL_COLUMNS, ids)
    command(monkeypatch, "fit", "--device", "cpu")
    graph = {path: path.read_bytes() for path in (root / "data").rglob("*") if path.is_file()}

    command(monkeypatch, "fit", "--device", "cpu", "--method", "scp", *CHANGES)
    folder = Variation(CHANGES[1::2]).folder
    out = capsys.readouterr().out
    assert f"results: {folder};" in out
    (scored_by,) = re.findall("'pipeline (evaluate .*)' scores them", out)
    summary = json.loads((folder / "heads" / DATASET / BACKBONE / "scp" / "summary.json").read_text())
    assert (summary["settings"]["terms"], len(summary["losses"])) == (["consistency", "balance"], 2)
    command(monkeypatch, *shlex.split(scored_by))
    assert "scp, 2 clusters in use, test: ACC" in capsys.readouterr().out.replace("1 clusters", "2 clusters")
    assert (folder / "evaluation" / DATASET / BACKBONE / "scp" / "scores.json").is_file()
    assert {path: path.read_bytes() for path in graph} == graph
    new = {path for path in (root / "data").rglob("*") if path.is_file()} - set(graph)
    assert all(path.is_relative_to(root / folder) for path in new)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-S", "fit.rums=2"), "params.yaml with -S: fit: unknown key 'rums'; did you mean runs?"),
        (("-S", "fit.training.epoch=2"), "fit.training: unknown key 'epoch'; did you mean epochs?"),
        (("-S", "fit.scp.termz=[balance]"), "fit.scp: unknown key 'termz'; did you mean terms?"),
        (("-S", "extract.views=8"), "-S extract.views=8: expected a value of fit: or datasets:, which a fit reads"),
        (("-S", "fit.runs=2", "--study", "repeats"), "a study has settings of its own; leave -S or --study out"),
        (("--method", "kmean"), "--method: unknown method 'kmean'; did you mean kmeans or tac-kmeans or umap-kmeans?"),
        (("--method", "zero-shot"), "--method zero-shot: it reads text and is nothing to fit"),
        (("--method", "scp", "--study", "repeats"), "--method scp: a study has methods of its own"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: tuple[str, ...],
    message: str,
    project: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project()
    assert message in failure(capsys, monkeypatch, "fit", *arguments)


def test_every_command_says_what_is_kept_of_it() -> None:
    assert set(KEPT) == set(commands())
    assert len(KEPT) == sum(map(len, GROUPS.values()))
    assert (
        kept_by(["fit", "--method", "scp"]) == "every run that has ended is kept, the same command goes on from there"
    )
    assert kept_by([]) == "the same command begins anew"
