from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.config.names import LABEL_COLUMNS
from pipeline.evaluation.evaluate import evaluate, lines
from pipeline.heads.predictions import write_predictions

IDS = [f"i{n}" for n in range(8)]
SPLITS = ["train"] * 4 + ["test"] * 4
LABELS = ["cat", "cat", "dog", "dog"] * 2
# The kept run is right on train and half right on test; the other run is right throughout.
RUNS = np.array([[0, 1], [0, 1], [1, 0], [1, 0], [0, 1], [1, 1], [1, 0], [0, 0]])


@pytest.fixture
def cell(tmp_path: Path) -> tuple[Path, Path, Path, str]:
    logits = np.eye(2, dtype=np.float32)[RUNS[:, 0]]
    write_predictions(tmp_path / "predictions" / "scp", IDS, SPLITS, logits, logits, RUNS)
    write_table(tmp_path / "labels.csv", LABEL_COLUMNS, zip(IDS, LABELS, strict=True))
    return tmp_path / "predictions" / "scp", tmp_path / "labels.csv", tmp_path / "out", "pipeline fit --study x"


def test_scores_by_hand(cell: tuple[Path, Path, Path, str]) -> None:
    scores = evaluate(*cell)
    assert (scores["runs"], scores["clusters_used"]) == (2, 2)
    assert scores["train"]["acc"] == {"mean": 1.0, "std": 0.0, "kept": 1.0, "oracle": 1.0}
    assert scores["test"]["acc"] == pytest.approx({"mean": 0.75, "std": 0.125**0.5, "kept": 0.5, "oracle": 1.0})
    assert scores["test"]["nmi"]["oracle"] == pytest.approx(1.0)
    assert scores["test"]["nmi"]["kept"] == pytest.approx(0.0)
    assert json.loads((cell[2] / "scores.json").read_text()) == scores
    assert lines({"scp": scores})[1].startswith(
        "scp, 2 clusters in use, test: ACC 75.0 ± 35.4 (kept 50.0, oracle 100.0)"
    )


def test_the_confusion_matrix_counts_every_image(cell: tuple[Path, Path, Path, str]) -> None:
    evaluate(*cell)
    rows = [line.split(",") for line in (cell[2] / "confusion.csv").read_text().splitlines()[1:]]
    assert sum(int(row[4]) for row in rows) == 8
    assert ["train", "0", "cat", "cat", "2"] in rows
    assert ["train", "0", "cat", "dog", "0"] in rows


def test_without_labels_there_are_no_scores(cell: tuple[Path, Path, Path, str]) -> None:
    write_table(cell[1], LABEL_COLUMNS, [])
    scores = evaluate(*cell)
    assert scores == {"runs": 2, "clusters_used": 2}
    assert sorted(path.name for path in cell[2].iterdir()) == ["classes.csv", "made_from.json", "scores.json"]
    assert lines({"scp": scores}) == ["scp, 2 clusters in use, no labels to compare with"]


def test_permuted_labels_leave_the_predictions_alone(cell: tuple[Path, Path, Path, str]) -> None:
    before = [path.read_bytes() for path in sorted(cell[0].rglob("*.csv"))]
    write_table(cell[1], LABEL_COLUMNS, zip(IDS, reversed(LABELS), strict=True))
    evaluate(*cell)
    assert [path.read_bytes() for path in sorted(cell[0].rglob("*.csv"))] == before


def test_other_images_are_refused(cell: tuple[Path, Path, Path, str]) -> None:
    write_table(cell[1], LABEL_COLUMNS, zip([*IDS[:-1], "other"], LABELS, strict=True))
    with pytest.raises(PipelineError, match=r"expected the 8 images of .*labels\.csv, found 8, 'i7' is in one alone"):
        evaluate(*cell)
    assert not cell[2].exists()


def test_no_predictions_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"assignments\.csv: not there yet; run 'pipeline fit --study x'"):
        evaluate(tmp_path / "d" / "b", tmp_path / "labels.csv", tmp_path / "out", "pipeline fit --study x")


@pytest.mark.parametrize("table", ["assignments.csv", "runs.csv"])
def test_a_missing_table_says_what_to_run(table: str, cell: tuple[Path, Path, Path, str]) -> None:
    (cell[0] / table).unlink()
    with pytest.raises(PipelineError, match=f"{table}: not there yet; run 'pipeline fit --study x'"):
        evaluate(*cell)
