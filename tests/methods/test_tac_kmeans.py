"""TAC without training, against its description."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.scores import accuracy
from pipeline.features.lengths import unit_length
from pipeline.heads.problem import Problem
from pipeline.methods import counterparts, tac_kmeans
from pipeline.methods.counterparts import CounterpartSettings, kept_nouns
from pipeline.methods.kmeans import Centroids, normalise
from tests.methods.nouns import with_nouns


def test_images_and_their_counterparts_are_clustered_together(
    problem: Problem, groups: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    given = with_nouns(problem, tmp_path)
    (run,) = tac_kmeans.fit(given, [7])
    clean = groups[0][:, 0].astype(np.float32)
    assert accuracy(run.model.logits(clean).argmax(1), groups[1]) == 1
    tensors = run.model.tensors()
    rows = unit_length(clean)
    text = counterparts.counterparts(rows, tensors["nouns"], 0.005)
    both = np.concatenate([rows, text], 1) / np.sqrt(2)
    np.testing.assert_allclose(run.model.logits(clean), Centroids(tensors["centroids"]).logits(both), atol=1e-5)
    cosines = (both @ tensors["centroids"].T).max(1)
    assert run.loss == pytest.approx((1 - cosines).sum(), rel=1e-3)
    assert np.array_equal(run.model.logits(10 * clean).argmax(1), run.model.logits(clean).argmax(1))


def test_the_nouns_are_looked_for_once_for_the_same_images(problem: Problem, tmp_path: Path) -> None:
    given = with_nouns(problem, tmp_path)
    rows = normalise(given.views[:, 0])
    first = kept_nouns(given, rows, tac_kmeans.Settings(starts=3))
    assert kept_nouns(given, rows, tac_kmeans.Settings(starts=4)) is first
    assert len(kept_nouns(given, rows, CounterpartSettings(nouns_per_centre=1))) <= 9 < len(first) <= 45
    few = replace(given, views=given.views[:30])
    assert kept_nouns(few, rows[:30], CounterpartSettings()) is not first
