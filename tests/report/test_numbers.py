"""The metrics file and the tables for `dvc plots`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.names import SCORES, TERMS
from pipeline.config.paths import Cell
from tests.report.projects import (
    RUNS,
    rows_of,
)


def test_the_metrics_file_has_the_documented_schema(root: Path, cell: Cell, page: str) -> None:
    metrics = json.loads((root / "metrics.json").read_text())
    assert list(metrics) == ["toy"]
    assert list(metrics["toy"]) == ["backbone"]
    found = metrics["toy"]["backbone"]
    assert found == {name: json.loads((cell.evaluation / name / SCORES).read_text()) for name in ("scp", "kmeans")}
    for scores in metrics["toy"]["backbone"].values():
        assert set(scores) == {"runs", "clusters_used", "train", "test"}
        for split in ("train", "test"):
            assert set(scores[split]) == {"acc", "nmi", "ari"}
            for values in scores[split].values():
                assert set(values) == {"mean", "std", "kept", "oracle"}


def test_the_short_file_has_the_means_alone(root: Path, cell: Cell, page: str) -> None:
    means = json.loads((root / "scores.json").read_text())
    assert set(means["toy"]["backbone"]) == {"scp", "kmeans"}
    for method, found in means["toy"]["backbone"].items():
        test = json.loads((cell.evaluation / method / SCORES).read_text())["test"]
        assert found == {name: round(100 * values["mean"], 2) for name, values in test.items()}


def test_the_history_of_every_run_is_a_table(root: Path, page: str) -> None:
    rows = rows_of(root / "plots" / "history.csv")
    assert list(rows[0]) == ["cell", "method", "run", "step", *TERMS, "total"]
    assert len(rows) == RUNS * 3
    assert {(row["cell"], row["method"]) for row in rows} == {("toy x backbone", "scp")}


def test_the_confusion_table_gives_the_scored_accuracy(root: Path, cell: Cell, page: str) -> None:
    rows = rows_of(root / "plots" / "confusion.csv")
    assert list(rows[0]) == ["cell", "method", "actual", "predicted"]
    for method in ("scp", "kmeans"):
        scores = json.loads((cell.evaluation / method / SCORES).read_text())
        hits = [row["actual"] == row["predicted"] for row in rows if row["method"] == method]
        assert len(hits) == 24
        assert np.mean(hits) == pytest.approx(scores["test"]["acc"]["kept"])
