from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.predictions import read_assignments, read_runs, write_predictions

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
