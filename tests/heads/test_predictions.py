from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.heads.predictions import best_two, read_assignments, read_runs, write_predictions

LOGITS = np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 5.0]], np.float32)
CONFIDENCES = np.array([[0.1, 0.6, 0.3], [0.5, 0.0, 0.5]], np.float32)
RUNS = np.array([[1, 0], [0, 2]])


def test_round_trip(tmp_path: Path) -> None:
    write_predictions(tmp_path, ["a", 'b,"ü'], ["train", "test"], LOGITS, CONFIDENCES, RUNS)
    read = read_assignments(tmp_path)
    assert read.ids == ["a", 'b,"ü']
    assert read.splits.tolist() == ["train", "test"]
    # Equal logits go to the lower cluster.
    assert read.clusters.tolist() == [1, 0]
    assert read.confidences == pytest.approx([0.6, 0.5])
    assert np.array_equal(read_runs(tmp_path), RUNS)
    lines = (tmp_path / "assignments.csv").read_text().splitlines()
    assert lines == [
        "id,split,cluster,confidence,second,second_confidence",
        "a,train,1,0.600000,2,0.300000",
        '"b,""ü",test,0,0.500000,2,0.500000',
    ]


def test_missing_tables_say_what_to_run(tmp_path: Path) -> None:
    for read in (read_assignments, read_runs):
        with pytest.raises(PipelineError, match="not there yet; run 'pipeline fit'"):
            read(tmp_path)


@pytest.mark.parametrize("clusters", [1, 2, 3, 10, 200])
def test_best_two_are_those_of_a_sort(clusters: int) -> None:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((50, clusters)).astype(np.float32)
    cases = [logits, np.round(logits), np.zeros_like(logits), np.where(rng.random(logits.shape) < 0.9, -np.inf, logits)]
    for case in cases:
        confidences = rng.random(case.shape)
        order, best = best_two(case, confidences)
        expected = np.argsort(-case, axis=1, kind="stable")[:, :2]  # Of equal logits the lower cluster.
        np.testing.assert_array_equal(order, expected)
        np.testing.assert_array_equal(best, np.take_along_axis(confidences, expected, 1))


def test_best_two_hold_no_more_memory_than_they_need() -> None:
    """Guards against views of a whole sort, which for 1,000 clusters is 500 times as large as what is kept of it."""
    for found in best_two(np.eye(40, 1000, dtype=np.float32), np.eye(40, 1000, dtype=np.float32)):
        assert found.shape == (40, 2)
        assert found.base is None or found.base.nbytes == found.nbytes
