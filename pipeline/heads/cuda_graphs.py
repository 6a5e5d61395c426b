"""Runs on a CUDA device: a training step recorded once and then started as a whole, several runs beside each other.

A step of a head is some two hundred small operations, which a processor starts more slowly than a GPU does them. A CUDA
graph of them is started at once: on an H200 a step of a head of `params.yaml` takes 0.5 ms in the place of 4.8. A
single head leaves most of a GPU idle, so up to `LANES` runs go on at a time, on a stream each. What a run gets is what
it gets alone, to the bit: its own start, its own pairs, and multiplications of its own. One multiplication for the
heads of many runs was no faster, and its last bits depended on how many there were.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Generic

import torch

from pipeline.heads.pairs import Sampling
from pipeline.heads.problem import Model, Run
from pipeline.heads.training import (
    TOTAL,
    HeadModel,
    Plan,
    Trained,
    in_precision,
    run_of,
    started,
    steps_for,
)

LANES = 8
"""Runs at a time. On an H200 eight take a quarter of the time of one after the other, and sixteen no less."""
BLOCK = 512
"""Steps whose pairs are drawn, and copied to the device, together."""
WARM_UP = 3
"""Steps before the one that is recorded, in which the libraries make their choices and ask for their memory."""


def train_recorded(plan: Plan[Trained], sampling: Sampling, seeds: list[int]) -> Iterator[Run]:
    """A run for each seed, in order; up to `LANES` of them go on step by step, beside each other.

    Args:
        plan: with an objective that keeps its state in tensors, which it changes in place.
        sampling: of its pairs.
        seeds: of the runs, any number.
    """
    _, epoch, steps = steps_for(plan.problem.settings.training, plan.images)
    groups = math.ceil(len(seeds) / LANES)
    with ThreadPoolExecutor(1, thread_name_prefix="draw") as pool:
        for group in range(groups):
            # As even as can be: few lanes are slow.
            first, end = (len(seeds) * number // groups for number in (group, group + 1))
            lanes = [Lane(plan, sampling, seed, pool) for seed in seeds[first:end]]
            for step in range(plan.until or steps):
                if step % epoch == 0:
                    plan.problem.progress(f"runs {first + 1} to {end} of {len(seeds)}, step {step} of {steps}")
                for lane in lanes:
                    lane.advance()
            for lane in lanes:
                yield lane.run()


class Lane(Generic[Trained]):
    """A run that is advanced step by step. On a CPU, where tests have it, nothing is recorded."""

    def __init__(self, plan: Plan[Trained], sampling: Sampling, seed: int, pool: Executor) -> None:
        """Nothing is trained yet.

        Args:
            plan: of the run.
            sampling: of its pairs.
            seed: of its start and its pairs.
            pool: where pairs are drawn ahead.
        """
        settings, device = plan.problem.settings.training, torch.device(plan.problem.device)
        batch, self.epoch, self.steps = steps_for(settings, plan.images)
        self.wanted = plan.problem.steps
        self.sampling = sampling
        self.stream: torch.cuda.Stream | None = None
        self.graph: torch.cuda.CUDAGraph | None = None
        if device.type == "cuda":
            self.stream = torch.cuda.Stream(device)
            self.stream.wait_stream(torch.cuda.current_stream(device))
        self.taken = 0
        self.pool = pool
        self.drawn = sampling.places(batch, self.steps, torch.Generator().manual_seed(seed))
        self.next = pool.submit(self._draw)
        with self._in_stream():
            trained = started(plan.problem, plan.build, plan.statistics, seed)
            self.objective = plan.objective(trained)
            self.forward = in_precision(trained, settings.precision, plan.problem.device)
            # A recorded step finds what differs from step to step on the device: its number, and by it the rest.
            self.step = torch.zeros(1, dtype=torch.int64, device=device)
            self.block = torch.zeros(BLOCK, 4, batch, dtype=torch.int64, device=device)
            self.rates = learning_rates(settings.learning_rate, self.steps).to(device)
            self.values = torch.empty(self.steps, len(self.objective.names), device=device)
            self.rate = torch.zeros((), device=device)
            self.optimiser = torch.optim.Adam(
                trained.parameters(),
                self.rate,
                weight_decay=settings.weight_decay,
                fused=True,
                capturable=self.stream is not None,
            )
        self.snapshots: dict[int, Model] = {}

    def _in_stream(self) -> AbstractContextManager[object]:
        return nullcontext() if self.stream is None else torch.cuda.stream(self.stream)

    def advance(self) -> None:
        """The next step: asked of the device, which may still be at an earlier one."""
        with self._in_stream():
            if self.taken % BLOCK == 0:
                self._take_block()
            if self.taken in self.wanted:
                self.snapshots[self.taken] = HeadModel(copy.deepcopy(self.objective.kept()))
            if self.stream is not None and self.taken == WARM_UP:
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph, stream=self.stream):
                    self._step()  # Recorded, not done.
            if self.graph is None:
                self._step()
            else:
                self.graph.replay()
        self.taken += 1

    def _draw(self) -> torch.Tensor:
        return torch.stack(list(islice(self.drawn, BLOCK)))

    def _take_block(self) -> None:
        block = self.next.result()
        if self.taken + BLOCK < self.steps:
            self.next = self.pool.submit(self._draw)
        if self.stream is not None:
            block = block.pin_memory()
        self.block[: len(block)].copy_(block, non_blocking=True)

    def _step(self) -> None:
        places = self.block.index_select(0, self.step.remainder(BLOCK))[0]
        self.rate.copy_(self.rates.index_select(0, self.step)[0])
        terms = self.objective(self.forward, *self.sampling.take(places))
        terms[TOTAL].backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.objective.stepped()
        row = torch.stack([terms[name] for name in self.objective.names]).detach()
        self.values.index_copy_(0, self.step, row[None])
        self.step += 1

    def run(self) -> Run:
        """What the run leaves; after the last step."""
        with self._in_stream():
            return run_of(self.objective, self.values[: self.taken], self.epoch, self.snapshots)


def learning_rates(first: float, steps: int) -> torch.Tensor:
    """Cosine annealing (paper) as a table: the learning rate of each step, float32 (steps,)."""
    share = torch.arange(steps, dtype=torch.float64) / steps
    return (first * (1 + torch.cos(math.pi * share)) / 2).float()
