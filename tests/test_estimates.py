"""benchmarks/estimates.py: the subsets, the rule before, and the tables."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks import estimates
from benchmarks.estimates import BEFORE, NOW, Case, earlier, subsets, tables
from pipeline.collection.criteria import Criterion


def test_subsets_are_some_classes_as_they_are_or_of_one_size() -> None:
    classes = np.repeat(np.arange(9), [16, 20, 40, 60, 90, 20, 30, 25, 50])
    made = list(subsets(classes))
    assert [(kind, count) for kind, count, _ in made] == [
        ("whole", 9),
        *[("classes", 3), ("even", 3), ("classes", 4), ("classes", 5), ("even", 5)],
        *[("classes", 6), ("classes", 8), ("even", 8)],
    ]
    for (kind, count, rows), (_, _, again) in zip(made, subsets(classes), strict=True):
        sizes = np.unique(classes[rows], return_counts=True)[1]
        assert len(sizes) == count
        assert (len(set(sizes.tolist())) == 1) == (kind == "even")
        np.testing.assert_array_equal(rows, again)


def test_classes_that_are_even_anyway_or_too_small_make_no_even_subset() -> None:
    assert {kind for kind, *_ in subsets(np.repeat(np.arange(9), 40))} == {"whole", "classes"}
    assert {kind for kind, *_ in subsets(np.repeat(np.arange(9), [9] * 8 + [80]))} == {"whole", "classes"}


@pytest.mark.parametrize(
    ("curve", "choice", "pictures", "expected"),
    [
        ({4: 1.0}, 4, 300, (4, 4, 4, "clear")),
        ({3: 0.1, 4: 0.7, 5: 0.2}, 4, 300, (4, 4, 5, "clear")),
        ({3: 0.3, 4: 0.4, 5: 0.3}, 4, 300, (4, 3, 5, "fair")),
        ({1: 0.3, 3: 0.3, 8: 0.4}, 3, 300, (3, 2, 8, "weak")),
        ({4: 1.0}, 4, 29, (4, 4, 4, "weak")),
    ],
)
def test_the_rule_before_went_by_the_width_of_the_range(
    curve: dict[int, float], choice: int, pictures: int, expected: tuple[int, int, int, str]
) -> None:
    assert earlier(Criterion("communities", choice, curve, ""), 10, pictures) == expected


def test_the_tables_say_how_close_both_rules_come_and_whether_their_evidence_holds() -> None:
    found = [
        Case("one", "whole", 8, 300, {BEFORE: (4, 4, 4, "clear"), NOW: (9, 5, 22, "weak")}),
        Case("one", "classes", 3, 90, {BEFORE: (3, 2, 3, "clear"), NOW: (4, 3, 4, "fair")}),
        Case("two", "whole", 5, 99, {BEFORE: (4, 2, 9, "weak"), NOW: (5, 5, 5, "clear")}),
    ]
    lines = tables(found).splitlines()
    assert lines[2:4] == [
        "| all | before | 1 of 3 | 2 of 3 | -4 | 1 of 2 | 0 of 0 | 1 of 1 |",
        "| all | now | 1 of 3 | 3 of 3 | +1 | 1 of 1 | 1 of 1 | 1 of 1 |",
    ]
    assert lines[-3] == "| one | 300 | 8, whole | **4** (4 to 4, clear) | **9** (5 to 22, weak) |"


def test_sealed_sets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["estimates", "--role", "sealed"])
    with pytest.raises(SystemExit, match=r"^estimates: [\w-]+: it is sealed"):
        estimates.main()
