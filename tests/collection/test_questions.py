from __future__ import annotations

import numpy as np
import pytest

from pipeline.collection import questions
from pipeline.collection.questions import ask
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours

RNG = np.random.default_rng(0)
ROWS = RNG.normal(0, 1, (4, 8))[np.repeat(np.arange(4), 25)] * 3 + RNG.normal(0, 0.3, (100, 8))
NEAR = neighbours(ROWS, 5)[0]
SURE = np.eye(4)[np.repeat(np.arange(4), 25)] * 0.9 + 0.025


def test_the_hard_ones_are_asked_about_first() -> None:
    beliefs = SURE.copy()
    beliefs[[3, 30, 60]] = [0.4, 0.35, 0.15, 0.1]
    asked = ask(unit_length(ROWS), NEAR, beliefs, (), 3, 2)
    assert {question.row for question in asked} == {3, 30, 60}
    assert all(question.candidates == (0, 1) for question in asked)


def test_equal_pictures_are_not_asked_about_twice() -> None:
    beliefs = np.full((100, 4), 0.25)
    rows = ROWS.copy()
    rows[25:50] = rows[25]
    asked = [question.row for question in ask(unit_length(rows), neighbours(rows, 5)[0], beliefs, (), 6, 4)]
    assert len(asked) == len({*asked}) == 6
    assert sum(25 <= row < 50 for row in asked) == 1
    # Nor is what was answered, and its like.
    again = [question.row for question in ask(unit_length(rows), neighbours(rows, 5)[0], beliefs, [30], 6, 4)]
    assert not any(25 <= row < 50 for row in again)


def test_an_outlier_is_worth_less_than_what_stands_for_many() -> None:
    beliefs = SURE.copy()
    rows = ROWS.copy()
    rows[0] = RNG.normal(0, 30, 8)
    beliefs[[0, 40]] = 0.25
    assert ask(unit_length(rows), neighbours(rows, 5)[0], beliefs, (), 1, 4)[0].row == 40


def test_there_are_no_more_questions_than_pictures() -> None:
    assert len(ask(unit_length(ROWS[:3]), neighbours(ROWS[:3], 2)[0], SURE[:3], [1], 20, 5)) == 2
    assert ask(unit_length(ROWS[:3]), neighbours(ROWS[:3], 2)[0], SURE[:3], [0, 1, 2], 20, 5) == []


def test_rows_in_parts_are_asked_about_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    beliefs, unit = RNG.dirichlet(np.ones(4), 100), unit_length(ROWS)
    whole = ask(unit, NEAR, beliefs, (), 9, 4)
    monkeypatch.setattr(questions, "AT_A_TIME", 7)
    assert ask(unit, NEAR, beliefs, (), 9, 4) == whole
