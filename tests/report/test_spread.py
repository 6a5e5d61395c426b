from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.report.spread import Spread, interval, margin


@pytest.mark.parametrize("runs", [2, 3, 5, 50])
def test_the_interval_is_student_s(runs: int) -> None:
    values = np.random.default_rng(runs).normal(70, 4, runs)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    half = margin(float(values.std(ddof=1)), runs)
    assert half is not None
    assert (values.mean() - half, values.mean() + half) == pytest.approx((low, high))


def test_one_run_or_runs_that_are_alike_have_no_interval() -> None:
    assert margin(0.0, 1) is None
    assert margin(0.0, 5) is None
    one = Spread.of({"mean": 0.5, "std": 0.0, "kept": 0.5, "oracle": 0.5}, 1)
    assert one.cells() == ["50.0", "", "50.0", "50.0"]
    assert one.plain() == [50.0, 0.0, "", "", 50.0, 50.0]


def test_a_spread_as_text_and_as_numbers() -> None:
    found = Spread.of({"mean": 0.7, "std": 0.04, "kept": 0.71, "oracle": 0.75}, 5)
    # Student's t for four degrees of freedom is 2.776.
    assert found.cells() == ["70.0 ± 4.0", "65.0 to 75.0", "71.0", "75.0"]
    assert found.plain() == pytest.approx([70, 4, 70 - 4.9666, 70 + 4.9666, 71, 75], abs=1e-3)
    assert len(found.cells()) == len(Spread.columns("ACC"))
    assert len(found.plain()) == len(Spread.plain_columns("ACC"))
    assert interval(50.0, None) == ""


def test_an_interval_has_no_score_that_nothing_can_have() -> None:
    # Two runs 4 apart: Student's t for one degree of freedom is 12.7.
    found = Spread.of({"mean": 0.9, "std": 0.0283, "kept": 0.92, "oracle": 0.92}, 2)
    assert found.cells()[1] == "64.6 to 100.0"
    assert interval(10.0, 25.0) == "0.0 to 35.0"
    assert interval(-1.0, 3.0) == "-4.0 to 2.0", "ARI may be below 0"
