from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads import cuda_graphs, runs, scp
from pipeline.heads.cuda_graphs import learning_rates, train_recorded
from pipeline.heads.head import Head, statistics
from pipeline.heads.pairs import Sampling
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import run_seeds
from pipeline.heads.training import Plan, train_head
from pipeline.methods import scan, temi

CLUSTERS = DatasetSettings(3, 5.0, None, "published")


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


def sampling(problem: Problem) -> Sampling:
    return Sampling("views", torch.from_numpy(problem.views))


def plan(problem: Problem) -> Plan[Head]:
    def objective(head: Head) -> scp.Scp:
        return scp.Scp(head, problem.settings.section("scp", scp.Settings), problem.dataset)

    given = sampling(problem)
    return Plan(problem, len(given.data), statistics(given.data), given.draw, Head, objective)


def recorded(problem: Problem, seeds: list[int]) -> list[Run]:
    return list(train_recorded(plan(problem), sampling(problem), seeds))


def test_a_run_does_not_depend_on_the_others(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_graphs, "BLOCK", 16)  # Pairs are drawn more than once.
    seeds = [3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    several = recorded(replace(problem, steps=(0, 20)), seeds)
    assert len(several) == len(seeds)
    for number, seed in [*enumerate(seeds)][1::5]:
        (alone,) = recorded(replace(problem, steps=(0, 20)), [seed])
        assert (several[number].loss, several[number].history) == (alone.loss, alone.history)
        kept = [several[number].model, *several[number].snapshots.values()]
        for ours, expected in zip(kept, [alone.model, *alone.snapshots.values()], strict=True):
            for name, value in expected.tensors().items():
                assert np.array_equal(ours.tensors()[name], value), name
    assert several[0].loss != several[1].loss


def test_runs_are_grouped_evenly_and_told(problem: Problem) -> None:
    told: list[str] = []
    recorded(replace(problem, progress=told.append), list(range(9)))
    steps = [f"step {step} of 60" for step in range(0, 60, 5)]
    assert told == [f"runs {of} of 9, {step}" for of in ("1 to 4", "5 to 9") for step in steps]


def test_a_run_is_that_of_the_usual_training_but_for_rounding(problem: Problem) -> None:
    for run, seed in zip(recorded(problem, [0, 1]), (0, 1), strict=True):
        usual = train_head(plan(problem), seed, lambda *_: None)
        assert run.loss == pytest.approx(usual.loss, rel=1e-3)
        assert len(run.history) == len(usual.history)
        clusters = [each.model.logits(problem.views[:, 0]).argmax(1) for each in (run, usual)]
        assert np.array_equal(*clusters)


def test_a_run_that_is_left_early_began_as_the_whole_one(problem: Problem) -> None:
    (whole,) = recorded(problem, [3])
    (short,) = train_recorded(replace(plan(problem), until=20), sampling(problem), [3])
    assert short.history == whole.history[:4]
    usual = train_head(replace(plan(problem), until=20), 3, lambda *_: None)
    assert usual.history == train_head(plan(problem), 3, lambda *_: None).history[:4]


def test_the_learning_rate_is_torch_s() -> None:
    optimiser = torch.optim.Adam([torch.zeros(1)], 0.003)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 70)
    for rate in learning_rates(0.003, 70).tolist():
        assert rate == pytest.approx(schedule.get_last_lr()[0], rel=1e-6)
        optimiser.step()
        schedule.step()


def test_starts_are_tried_on_a_gpu_too(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int | None, list[int]]] = []

    def record(plan: Plan[Head], _: Sampling, seeds: list[int]) -> list[Run]:
        asked.append((plan.until, seeds))
        losses = [3.0, 1.0, 2.0, 3.0, 2.0, 1.0]
        model = scp.restore({"hidden": [2]}, tensors)
        return [Run(model, 0.0, [{"total": 9.0}, {"total": loss}]) for loss in losses[: len(seeds)]]

    tensors = {name: value.numpy() for name, value in Head(12, (2,), 3).state_dict().items()}
    monkeypatch.setattr(runs, "train_recorded", record)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_, **__: self)
    given = replace(problem, device="cuda:0", settings=problem.settings.with_section("scp", starts=3))
    assert len(list(scp.fit(given, [7, 8]))) == 2
    tried = [run_seeds(7, 3), run_seeds(8, 3)]
    assert asked == [(5, [*tried[0], *tried[1]]), (None, [tried[0][1], tried[1][2]])]


@pytest.mark.parametrize("method", [scp, scan, temi])
@pytest.mark.parametrize("kind", ["views", "both"])
def test_a_gpu_s_runs_are_recorded(
    method: ModuleType, kind: str, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []

    def record(plan: Plan[Head], given: Sampling, seeds: list[int]) -> list[Run]:
        asked.append(seeds)
        assert next(given.places(64, 60, torch.Generator())).shape == (4, 64)
        return []

    monkeypatch.setattr(runs, "train_recorded", record)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_, **__: self)
    of_kind = problem.settings
    for name in ("scp", "scan", "temi"):
        of_kind = of_kind.with_section(name, pairs=kind)
    given = replace(problem, device="cuda:0", settings=of_kind)
    assert list(method.fit(given, list(range(60)))) == []
    assert asked == [list(range(60))]
