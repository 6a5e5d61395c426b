from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.cli.settings import Settings
from pipeline.config.names import TERMS
from pipeline.config.settings import DatasetSettings
from pipeline.heads import scp, training
from pipeline.heads.problem import Problem
from tests.conftest import cores


def problem(settings: Settings, images: int, **changes: object) -> Problem:
    rng = np.random.default_rng(0)
    views = (rng.normal(size=(images, 1, 8)) + rng.normal(0, 0.2, (images, 4, 8))).astype(np.float16)
    chosen = replace(settings.fit.training, **{"hidden": (16, 16, 16, 16), "precision": "fp32", **changes})  # type: ignore[arg-type]
    return Problem(
        views, replace(settings.fit, training=chosen), DatasetSettings(3, 5.0, None, "published"), "cpu", lambda _: None
    )


@pytest.mark.parametrize(
    ("images", "expected"),
    [(50_000, (512, 98, 2940)), (8000, (512, 16, 600)), (1000, (512, 2, 600)), (2, (2, 1, 600))],
)
def test_the_budget_is_the_papers_epochs_but_never_too_few_steps(
    settings: Settings, images: int, expected: tuple[int, int, int]
) -> None:
    chosen = replace(settings.fit.training, epochs=30, min_steps=600, batch=512)
    assert training.steps_for(chosen, images) == expected


@pytest.mark.parametrize("images", [3, 17, 100])
def test_the_history_covers_all_steps(settings: Settings, images: int) -> None:
    run = next(scp.fit(problem(settings, images, min_steps=25, epochs=1, batch=16), [0]))
    assert run.history[-1]["step"] == 25
    for row in run.history:
        assert set(row) == {"step", *TERMS, "total"}
        total = row["consistency"] + row["confidence"] - 5.0 * row["balance"]
        assert row["total"] == pytest.approx(total, rel=1e-4)


def test_the_loss_is_the_mean_over_the_training(settings: Settings) -> None:
    # 25 steps of 7 batches an epoch: three whole epochs and a part of one.
    run = next(scp.fit(problem(settings, 100, min_steps=25, epochs=1, batch=16), [0]))
    weights = np.diff([0.0, *(row["step"] for row in run.history)])
    assert weights.tolist() == [7, 7, 7, 4]
    assert run.loss == pytest.approx(np.average([row["total"] for row in run.history], weights=weights), rel=1e-6)


def test_bf16_trains_too(settings: Settings) -> None:
    run = next(scp.fit(problem(settings, 64, min_steps=10, epochs=1, batch=32, precision="bf16"), [0]))
    assert np.isfinite(run.loss)
    assert all(value.dtype in (np.float32, np.int64) for value in run.model.tensors().values())


def test_ctrl_c_ends_the_runs_in_work(settings: Settings) -> None:
    # Without an end they would train for hours.
    given = problem(settings, 64, min_steps=10**7, epochs=1, batch=32)
    signals = threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT))
    signals.start()
    with pytest.raises(KeyboardInterrupt):
        next(scp.fit(given, [0, 1, 2]))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fit")]


def test_a_run_does_not_depend_on_the_number_of_cores(settings: Settings) -> None:
    given = problem(settings, 600, min_steps=12, epochs=1, batch=256, hidden=(256, 256, 256, 256))
    found = []
    for threads in (1, 2, 3):
        with cores(threads):
            runs = list(scp.fit(given, [0, 1, 2]))
            assert torch.get_num_threads() == threads
        found.append([(run.loss, *(value.tobytes() for value in run.model.tensors().values())) for run in runs])
    assert found[0] == found[1] == found[2]


def test_snapshots_are_the_heads_on_the_way_and_change_nothing(settings: Settings) -> None:
    given = problem(settings, 64, min_steps=20, epochs=1, batch=32)
    plain = next(scp.fit(given, [0]))
    run = next(scp.fit(replace(given, steps=(0, 7, 20)), [0]))
    assert plain.snapshots == {}
    assert run.loss == plain.loss
    # Step 20 would be the one after the last.
    assert list(run.snapshots) == [0, 7]
    heads = [*run.snapshots.values(), run.model]
    weights = [head.tensors()["layers.0.weight"] for head in heads]
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[1], weights[2])
    assert np.array_equal(weights[2], plain.model.tensors()["layers.0.weight"])
    # The head of step 0 is untrained: BatchNorm has seen nothing.
    assert not heads[0].tensors()["layers.1.running_mean"].any()


def test_pairs_may_be_mutual_neighbours_alone(settings: Settings) -> None:
    given = problem(settings, 64, min_steps=10, epochs=1, batch=32)
    losses = []
    for adaptive in (False, True):
        chosen = replace(given.settings.pairs, adaptive=adaptive)
        near = replace(given.settings, pairs=chosen).with_section("scp", pairs="neighbours")
        losses.append(next(scp.fit(replace(given, settings=near), [0])).loss)
    assert losses[0] != losses[1]
