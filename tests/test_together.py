from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline import pairs, runs
from pipeline.head import Head, statistics
from pipeline.methods import scan, scp
from pipeline.problem import Problem, Run
from pipeline.settings import DatasetSettings, Settings
from pipeline.together import train_together
from pipeline.training import Pairs, Plan, Progress, train_head

CLUSTERS = DatasetSettings(3, 5.0, None)


@pytest.fixture
def problem(settings: Settings) -> Problem:
    """300 images in three groups."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (3, 12))
    views = (centres[np.arange(300) % 3][:, None] + rng.normal(0, 0.5, (300, 5, 12))).astype(np.float16)
    training = replace(
        settings.fit.training, hidden=(24, 24, 24, 24), batch=64, epochs=1, min_steps=60, precision="fp32"
    )
    return Problem(views, replace(settings.fit, training=training), CLUSTERS, "cpu", lambda _: None)


def plan(problem: Problem) -> Plan[Head]:
    data = torch.from_numpy(problem.views)

    def draw(batch: int, steps: int, generator: torch.Generator) -> Pairs:
        return pairs.batches("views", data, None, batch, steps, generator)

    def objective(head: Head) -> scp.Scp:
        return scp.Scp(head, problem.settings.scp, problem.dataset)

    return Plan(problem, 300, statistics(data), draw, Head, objective)


def together(problem: Problem, seeds: list[int]) -> list[Run]:
    return list(train_together(plan(problem), seeds, lambda *_: None))


def test_a_run_does_not_depend_on_the_others(problem: Problem) -> None:
    seeds = [3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    several = together(replace(problem, steps=(0, 20)), seeds)
    assert len(several) == len(seeds)
    for number, seed in [*enumerate(seeds)][1::5]:
        (alone,) = together(replace(problem, steps=(0, 20)), [seed])
        assert (several[number].loss, several[number].history) == (alone.loss, alone.history)
        kept = [several[number].model, *several[number].snapshots.values()]
        for ours, expected in zip(kept, [alone.model, *alone.snapshots.values()], strict=True):
            for name, value in expected.tensors().items():
                assert np.array_equal(ours.tensors()[name], value), name
    assert several[0].loss != several[1].loss


def test_a_run_is_that_of_the_usual_training_but_for_rounding(problem: Problem) -> None:
    for run, seed in zip(together(problem, [0, 1]), (0, 1), strict=True):
        usual = train_head(plan(problem), seed, lambda *_: None)
        assert run.loss == pytest.approx(usual.loss, rel=1e-3)
        assert len(run.history) == len(usual.history)
        clusters = [each.model.logits(problem.views[:, 0]).argmax(1) for each in (run, usual)]
        assert np.array_equal(*clusters)


@pytest.mark.parametrize("method", [scp, scan])
def test_a_gpu_s_runs_are_trained_together(method: object, problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []

    def record(plan: Plan[Head], seeds: list[int], progress: Progress) -> list[Run]:
        asked.append(seeds)
        return []

    monkeypatch.setattr(runs, "train_together", record)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_, **__: self)
    on_views = replace(problem.settings, scan=replace(problem.settings.scan, pairs="views"))
    given = replace(problem, device="cuda:0", settings=on_views)
    assert list(method.fit(given, list(range(60)))) == []  # type: ignore[attr-defined]
    assert asked == [list(range(60))]
