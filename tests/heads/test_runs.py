from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.training import HeadModel, Progress
from tests.conftest import cores

PATIENCE = 20.0
"""Seconds after which runs that wait for each other have failed."""


@pytest.mark.parametrize(
    ("runs", "count", "most", "waves"),
    [
        (5, 2, None, [2, 3]),
        (4, 2, None, [2, 2]),
        (3, 2, None, [3]),
        (2, 3, None, [2]),
        (7, 1, None, [1] * 7),
        (8, 3, None, [3, 5]),
        (5, 2, 2, [2, 2, 1]),  # Each reads from the disk, say, and has its share of the memory.
    ],
)
def test_no_core_is_idle_while_the_last_runs_go_on(
    settings: Settings, runs: int, count: int, most: int | None, waves: list[int]
) -> None:
    # Each run waits for all others of its wave, so it ends only where these go on at the same time.
    gates = [threading.Barrier(size) for size in waves]
    wave_of = np.repeat(range(len(waves)), waves)
    lock, going, highest = threading.Lock(), set[int](), [0] * len(waves)

    def train(seed: int, progress: Progress) -> Run:
        wave = wave_of[seed]
        with lock:
            going.add(seed)
            highest[wave] = max(highest[wave], len(going))
        gates[wave].wait(PATIENCE)
        with lock:
            going.discard(seed)
        gates[wave].wait(PATIENCE)
        assert torch.get_num_threads() == 1
        return Run(HeadModel(torch.nn.Identity()), float(seed))  # type: ignore[arg-type]

    given = Problem(
        np.zeros((4, 3, 2), np.float16), settings.fit, DatasetSettings(2, 5.0, None, "published"), "cpu", lambda _: None
    )
    with cores(count):
        found = [run.loss for run in each_seed(given, list(range(runs)), train, most)]
        assert torch.get_num_threads() == count
    assert found == list(range(runs))
    assert highest == waves
