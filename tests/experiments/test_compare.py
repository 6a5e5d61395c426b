"""The leaderboard through its commands, on a cache of three groups with labels, with permuted labels and without."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.csv_tables import write_table
from pipeline.cli.settings import Settings
from pipeline.config.devices import suited
from pipeline.config.names import LABEL_COLUMNS
from pipeline.config.paths import LEADERBOARD, RUNS
from pipeline.extraction.plan import describe
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from tests.commands import failure
from tests.conftest import SMALL
from tests.methods.test_protocol import command
from tests.report.test_latex import check

IMAGES, METHODS = 90, ["kmeans", "spectral", "agglomerative", "auto"]
BOARD = sorted(
    [f"leaderboard.{kind}" for kind in ("csv", "html", "json", "md", "tex")]
    + [f"selection.{kind}" for kind in ("csv", "md", "tex")]
)


def write_labels(truth: np.ndarray | None) -> None:
    rows = [] if truth is None else [(f"train-{row}", f"class {label}") for row, label in enumerate(truth)]
    write_table(Path("data/labels/pets.csv"), LABEL_COLUMNS, rows)


@pytest.fixture
def truth(project: Callable[..., Path], settings: Settings) -> np.ndarray:
    """The classes of a data set whose cache is filled; the current folder is its project."""
    root = project(
        **{
            "run": {"datasets": ["pets"], "backbones": [SMALL.name]},
            "datasets": {
                "pets": {"folder": "x", "clusters": 3, "balance_weight": 5.0, "image_size": 32, "geometry": "published"}
            },
            "fit.training": {
                **{"hidden": [16, 16, 16, 16], "learning_rate": 0.003, "weight_decay": 0.0},
                **{"epochs": 1, "min_steps": 40, "batch": 32, "precision": "fp32"},
            },
            "fit.consensus": {
                **{"heads": 2, "pairs": "both", "balance_target": 0.97, "hidden": [16, 16], "batch": 32, "epochs": 1},
                **{"min_steps": 40, "most_images": 80, "steps": 20},
            },
            "fit.auto.methods": {"spectral": 1, "kmeans": 1},
            "studies.leaderboard.runs": 2,
            "studies.leaderboard.methods": METHODS,
            "studies.leaderboard.pairs": ["views", "both"],
        }
    )
    rng = np.random.default_rng(0)
    truth = np.arange(IMAGES) % 3
    views = rng.normal(0, 3, (3, 16))[truth][:, None] + rng.normal(0, 0.5, (IMAGES, 1 + settings.extract.views, 16))
    folder = root / "data/features/pets" / SMALL.name
    shard = write_shard(folder / "train-00000.h5", [f"train-{row}" for row in range(IMAGES)], views, "f" * 64)
    about = describe(SMALL, suited(settings.extract, "cpu"))
    Manifest(
        "pets", SMALL.name, str(SMALL.weights.sha256), 16, settings.extract.views, about, {"train": [shard]}
    ).write(folder)
    return truth


def leaderboard(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the methods assigned, after all commands of the leaderboard."""
    command(monkeypatch, "fit", "--study", "leaderboard", "--device", "cpu")
    command(monkeypatch, "evaluate", "--study", "leaderboard")
    command(monkeypatch, "compare")
    place = Path("data/studies/leaderboard/predictions")
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*.csv")}


@pytest.mark.slow
def test_labels_change_scores_and_no_assignment(truth: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    write_labels(truth)
    assigned = leaderboard(monkeypatch)
    (board,) = json.loads((LEADERBOARD / "leaderboard.json").read_text())
    titles = [method["title"] for method in board["methods"]]
    assert titles[:2] == ["SCP, pairs: views", "SCP, pairs: both"]
    assert len(titles) == 2 + len(METHODS)
    assert all(max(method["scores"]["acc"]) == 1 for method in board["methods"] if method["method"] == "kmeans")
    assert set(board["supervised"]) == {"linear probe", "k nearest neighbours"}
    assert "(supervised: reads labels; train, by cross-validation)" in (LEADERBOARD / "leaderboard.md").read_text()

    # The same every time without the costs, and with them beside.
    costs = RUNS / "leaderboard" / "compare"
    assert sorted(path.name for path in LEADERBOARD.iterdir()) == BOARD
    assert sorted(path.name for path in costs.iterdir()) == BOARD
    assert "seconds" not in (LEADERBOARD / "leaderboard.json").read_text()
    assert all(
        method["seconds_a_run"] > 0 for method in json.loads((costs / "leaderboard.json").read_text())[0]["methods"]
    )

    for folder, name in ((LEADERBOARD, "leaderboard.tex"), (costs, "leaderboard.tex"), (LEADERBOARD, "selection.tex")):
        check((folder / name).read_text())
    with (LEADERBOARD / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(titles) + 2
    means = [float(np.mean(method["scores"]["acc"])) for method in board["methods"]]
    assert [float(row["ACC mean"]) for row in rows[: len(titles)]] == pytest.approx([100 * mean for mean in means])
    for row, method in zip(rows, board["methods"], strict=False):
        best = int(np.argmax(method["scores"]["acc"]))
        assert float(row["NMI oracle"]) == pytest.approx(100 * method["scores"]["nmi"][best], abs=1e-3)

    before = (LEADERBOARD / "leaderboard.md").read_bytes()
    write_labels(np.random.default_rng(1).permutation(truth))
    assert leaderboard(monkeypatch) == assigned
    assert (LEADERBOARD / "leaderboard.md").read_bytes() != before
    (permuted,) = json.loads((LEADERBOARD / "leaderboard.json").read_text())
    assert [each["criteria"] for each in permuted["methods"]] == [each["criteria"] for each in board["methods"]]

    write_labels(None)
    assert leaderboard(monkeypatch) == assigned
    assert "no labels" in (LEADERBOARD / "leaderboard.md").read_text()


def test_what_is_missing_is_named(
    truth: np.ndarray, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_labels(truth)
    assert "run 'pipeline fit --study leaderboard --dataset pets" in failure(capsys, monkeypatch, "compare")
