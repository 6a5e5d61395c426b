"""The supervised ceilings on groups with known classes, and against a naive loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.evaluation.ceilings import neighbour_accuracy, probe_accuracy
from pipeline.evaluation.settings import CeilingSettings


@pytest.fixture
def given(settings: Settings) -> CeilingSettings:
    return settings.studies.ceilings


def blobs(spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    classes = np.arange(150) % 3
    return (np.eye(3, 12)[classes] + rng.normal(0, spread, (150, 12))).astype(np.float16), classes


def test_separate_classes_are_told_apart_and_chance_is_chance(given: CeilingSettings) -> None:
    rows, classes = blobs(0.05)
    shuffled = np.random.default_rng(1).permutation(classes)
    for accuracy in (probe_accuracy, neighbour_accuracy):
        assert accuracy(rows, classes, given) == 1
        assert accuracy(rows, shuffled, given) < 0.5


def test_both_are_those_of_a_naive_loop_over_the_folds(given: CeilingSettings) -> None:
    rows, classes = blobs(0.6)
    exact = rows.astype(np.float64)
    unit = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    probe, near = [], []
    folds = StratifiedKFold(given.folds, shuffle=True, random_state=given.seed).split(rows, classes)
    for train, test in folds:
        voters = KNeighborsClassifier(given.neighbours, algorithm="brute").fit(unit[train], classes[train])
        near.append(voters.score(unit[test], classes[test]))
        mean, std = exact[train].mean(0), exact[train].std(0)
        model = RidgeClassifier(given.penalty * len(train)).fit((exact[train] - mean) / std, classes[train])
        probe.append(model.score((exact[test] - mean) / std, classes[test]))
    assert 0.4 < np.mean(near) < 1
    assert neighbour_accuracy(rows, classes, given) == pytest.approx(np.mean(near), abs=1e-12)
    assert probe_accuracy(rows, classes, given) == pytest.approx(np.mean(probe), abs=1e-12)


def test_classes_need_not_be_numbered_without_gaps(given: CeilingSettings) -> None:
    rows, classes = blobs(0.6)
    for accuracy in (probe_accuracy, neighbour_accuracy):
        assert accuracy(rows, 10 * classes + 3, given) == accuracy(rows, classes, given)


def test_too_few_images_of_a_class_are_refused(given: CeilingSettings) -> None:
    rows, classes = blobs(0.6)
    classes[0] = 7
    for accuracy in (probe_accuracy, neighbour_accuracy):
        with pytest.raises(PipelineError, match=r"at least 5 images each, found 4, the smallest with 1; .*\.folds"):
            accuracy(rows, classes, given)
        with pytest.raises(PipelineError, match="found 1, the smallest"):
            accuracy(rows[1:], np.zeros(149, int), replace(given, folds=2))
