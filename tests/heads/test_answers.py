from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.features.neighbours import neighbours
from pipeline.heads.answers import Answers, spread

RNG = np.random.default_rng(0)
TRUTH = np.repeat(np.arange(4), 30)
ROWS = RNG.normal(0, 1, (4, 16))[TRUTH] * 2 + RNG.normal(0, 0.5, (120, 16))
NEAR = neighbours(ROWS, 10)[0]
MIXED = np.where(TRUTH == 3, 2, TRUTH)
"""A clustering that takes the last two kinds for one."""


def believed(answers: Answers, clusters: np.ndarray = MIXED, outputs: int = 4) -> np.ndarray:
    return spread(ROWS, NEAR, clusters, outputs, answers, 2.0)


def test_without_answers_the_clustering_stands() -> None:
    noisy = RNG.integers(0, 4, 120)
    for clusters in (MIXED, noisy):
        assert (believed(Answers(), clusters).argmax(1) == clusters).all()


def test_an_answer_is_obeyed_and_reaches_the_pictures_like_it_alone() -> None:
    beliefs = believed(Answers(belongs={90: 3, 95: 3, 100: 3}))
    found = beliefs.argmax(1)
    assert (found[:60] == MIXED[:60]).all()
    assert (found[90:] == 3).mean() > 0.7
    assert (found[60:90] == 2).mean() > 0.9
    assert found[[90, 95, 100]].tolist() == [3, 3, 3]


def test_one_answer_turns_no_cluster() -> None:
    found = believed(Answers(belongs={0: 1})).argmax(1)
    assert found[0] == 1
    assert (found[1:] == MIXED[1:]).mean() > 0.9


def test_beliefs_are_probabilities() -> None:
    answers = Answers({0: 1, 5: 2}, {10: [0, 1]}, [[20, 70]], [[30, 31, 32]])
    beliefs = believed(answers)
    assert beliefs.dtype == np.float32
    assert (beliefs > 0).all()
    assert_allclose(beliefs.sum(1), 1, rtol=1e-5)


def test_a_picture_is_none_of_what_was_excluded() -> None:
    found = believed(Answers(excluded={0: [0], 100: [2, 3]})).argmax(1)
    assert found[0] != 0
    assert found[100] not in (2, 3)
    # Who excludes every cluster has said nothing.
    assert believed(Answers(excluded={0: [0, 1, 2, 3]})).argmax(1)[0] == 0


def test_what_belongs_together_ends_together() -> None:
    found = believed(Answers(together=[[0, 60], [31, 61]])).argmax(1)
    assert found[0] == found[60]
    assert found[31] == found[61]
    # One of known cluster takes the others along.
    found = believed(Answers({0: 3}, together=[[0, 60, 61]])).argmax(1)
    assert found[[0, 60, 61]].tolist() == [3, 3, 3]


def test_what_does_not_belong_together_is_parted() -> None:
    group = [60, 90, 0]
    found = believed(Answers(apart=[group])).argmax(1)
    assert len({*found[group]}) == 3
    assert found[0] == 0, "who was apart already stays"
    assert len({*believed(Answers({60: 2}, apart=[[60, 61]])).argmax(1)[[60, 61]]}) == 2


@pytest.mark.parametrize("rows", [np.zeros((6, 3)), np.ones((6, 3)) * 1e4])
def test_equal_pictures_are_no_hindrance(rows: np.ndarray) -> None:
    near = neighbours(rows, 2)[0]
    beliefs = spread(rows, near, np.array([0, 0, 0, 1, 1, 1]), 2, Answers({0: 1, 3: 0}), 2.0)
    assert np.isfinite(beliefs).all()
    assert beliefs.argmax(1)[[0, 3]].tolist() == [1, 0]


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers({0: 1, 60: 0})
    whole = believed(answers)
    monkeypatch.setattr("pipeline.heads.answers.AT_A_TIME", 7)
    assert_allclose(believed(answers), whole, rtol=1e-4)


def test_the_pairs_of_groups() -> None:
    together, apart = Answers(together=[[1, 2, 3]], apart=[[4, 5]]).pairs()
    assert {frozenset(pair) for pair in together.tolist()} == {frozenset(p) for p in ((1, 2), (1, 3), (2, 3))}
    assert apart.tolist() == [[5, 4]]
    assert Answers().pairs()[0].shape == (0, 2)
    assert Answers({9: 1}, {3: [1]}, [[5, 3]]).rows() == [3, 5, 9]
