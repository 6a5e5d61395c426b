from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.distillation import distil
from pipeline.heads.problem import Problem


def test_the_head_learns_from_the_sure_and_predicts_the_rest(settings: Settings) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 60)
    views = rng.normal(0, 4, (3, 16))[truth][:, None] + rng.normal(size=(180, 3, 16))
    wrong = rng.random(180) < 0.2
    given = np.where(wrong, (truth + 1) % 3, truth)
    training = replace(settings.fit.training, hidden=(16, 16, 16, 16), precision="fp32")
    problem = Problem(
        views.astype(np.float16),
        replace(settings.fit, training=training),
        DatasetSettings(3, 5.0, None, "published"),
        "cpu",
        lambda _: None,
    )
    sure = 1.0 - wrong
    model = distil(problem, given, sure, 60, 1)
    assert (model.logits(problem.views[:, 0]).argmax(1) == truth).mean() > 0.97
    again = distil(problem, given, sure, 60, 1)
    assert all(np.array_equal(value, again.tensors()[name]) for name, value in model.tensors().items())
    threads = torch.get_num_threads()
    distil(problem, given, sure, 1, 1)
    assert torch.get_num_threads() == threads


def test_two_images_are_told_apart(settings: Settings) -> None:
    rng = np.random.default_rng(0)
    views = (rng.normal(size=(2, 1, 32)) + 0.2 * rng.normal(size=(2, 9, 32))).astype(np.float16)
    problem = Problem(views, settings.fit, DatasetSettings(2, 5.0, None, "published"), "cpu", lambda _: None)
    for seed in range(4):
        model = distil(problem, np.array([0, 1]), np.array([0.5, 0.5]), 60, seed)
        assert model.logits(problem.views[:, 0]).argmax(1).tolist() == [0, 1]
