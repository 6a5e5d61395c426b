"""SCAN with its third step: what it learns from, what it leaves as it was, and what it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.problem import Problem, Run
from pipeline.methods import scan


@pytest.fixture
def viewed(settings: Settings) -> Problem:
    """Three groups, whose augmented views are moved away from all clean ones, to be fitted for a moment."""
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 3
    clean = 4 * np.eye(3, 8)[truth] + rng.normal(0, 0.3, (120, 8))
    moved = clean + 3 * np.eye(3, 8, 4)[(truth + 1) % 3]
    training = replace(settings.fit.training, hidden=(16,) * 4, epochs=1, min_steps=200, batch=40, precision="fp32")
    fit = replace(settings.fit, training=training)
    views = np.stack([clean, moved], 1).astype(np.float16)
    return Problem(views, fit, DatasetSettings(3, 5.0, None, "published"), "cpu", lambda _: None)


def labelled(problem: Problem, epochs: int) -> Problem:
    return replace(problem, settings=problem.settings.with_section("scan", self_labelling=epochs), shared={})


def losses(problem: Problem, run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Of clean and of augmented views, the clusters of the clean ones being right."""
    clean, moved = (run.model.confidences(run.model.logits(problem.views[:, view])) for view in (0, 1))
    right = clean.argmax(1)[:, None]
    return tuple(-np.log(np.take_along_axis(each, right, 1)) for each in (clean, moved))


def test_augmented_views_get_the_clusters_of_the_clean_ones(viewed: Problem) -> None:
    (plain,), (after,) = scan.fit(viewed, [3]), scan.fit(labelled(viewed, 40), [3])
    assert (plain.loss, plain.history) == (after.loss, after.history)
    assert losses(viewed, after)[1].mean() < 0.5 * losses(viewed, plain)[1].mean()
    before = plain.model.logits(viewed.views[:, 0]).argmax(1)
    assert np.array_equal(after.model.logits(viewed.views[:, 0]).argmax(1), before)


def test_a_run_ends_after_both_trainings_and_depends_on_its_seed_alone(viewed: Problem) -> None:
    ended: dict[int, Run] = {}
    given = replace(labelled(viewed, 2), ended=lambda seed, run: ended.update({seed: run}))
    together = list(scan.fit(given, [3, 4]))
    assert [ended[3], ended[4]] == together
    (alone,) = scan.fit(labelled(viewed, 2), [4])
    tensors = alone.model.tensors()
    assert all(np.array_equal(value, tensors[name]) for name, value in together[1].model.tensors().items())


def test_without_augmented_views_it_is_refused(viewed: Problem) -> None:
    with pytest.raises(PipelineError, match=r"fit\.scan\.self_labelling: expected augmented views .* set it to 0$"):
        next(scan.fit(replace(labelled(viewed, 2), views=viewed.views[:, :1]), [3]))
