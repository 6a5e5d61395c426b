"""The runs of a method: beside each other on the cores of a CPU or on the streams of a GPU."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from pipeline.heads import pairs
from pipeline.heads.cuda_graphs import train_recorded
from pipeline.heads.head import statistics
from pipeline.heads.problem import Problem, Run
from pipeline.heads.training import (
    TOTAL,
    Build,
    Objective,
    Plan,
    Progress,
    Trained,
    one_thread_each,
    steps_for,
    train_head,
)

TRIED = 12
"""Of how many steps one is taken where several starts are tried; an epoch at least."""


def run_seeds(seed: int, runs: int) -> list[int]:
    """A seed for each run; the seed of run r depends on (seed, r) alone. 31 bits, as faiss takes no more."""
    return [int(np.random.SeedSequence([seed, run]).generate_state(1)[0] >> 1) for run in range(runs)]


def train_heads(
    problem: Problem,
    seeds: list[int],
    kind: str,
    build: Build[Trained],
    objective: Callable[[Trained], Objective],
    unit: bool = False,
    starts: int = 1,
) -> Iterator[Run]:
    """One head for each seed.

    The loss of a run is the mean of the objective over all training steps (ours). At the end every head fits its pairs
    almost perfectly, so the last losses tell little; how fast it got there tells more. Lyle et al. (A Bayesian
    Perspective on Training Speed and Model Selection, NeurIPS 2020) give the reason: the sum of the losses along the
    training bounds the marginal likelihood.

    Args:
        problem: the embeddings; its `settings.training` says how to train.
        seeds: of the runs.
        kind: which pairs, see `pipeline.heads.pairs.Sampling`.
        build: makes what is trained, of the embeddings' length, `settings.training.hidden` and the number of clusters.
        objective: makes the objective of a run, given what is trained before the first step. On a GPU its state is to
            be in tensors that it changes in place, as steps are recorded there.
        unit: standardise by the statistics of embeddings of length 1; what is trained brings them to it.
        starts: that each run tries (ours): all are trained for a twelfth of the steps, and the one with the least loss
            in the last epoch of these is the run. By then it is all but settled which clusters a head ends with.
    """
    stream = problem.stream
    neighbours = pairs.needs_neighbours(kind, problem.views.shape[1])
    if stream is not None and not neighbours:
        plan = Plan(problem, stream.images, stream.statistics(unit), stream.pairs, build, objective)
        # Each run holds a share of the memory, so few may read at a time.
        yield from each_seed(problem, seeds, partial(_from_the_best, plan, starts), stream.readers)
        return
    data = torch.from_numpy(problem.views).to(problem.device)
    partners = None
    if neighbours:
        found, _ = problem.near.nearest(problem.settings.pairs.neighbours)
        partners = pairs.mutual(found) if problem.settings.pairs.adaptive else pairs.all_of(found)

    sampling = pairs.Sampling(kind, data, partners)
    plan = Plan(problem, len(data), statistics(data, unit), sampling.draw, build, objective)
    if problem.device == "cpu":
        yield from each_seed(problem, seeds, partial(_from_the_best, plan, starts))
        return
    if starts > 1:
        tried = [each for seed in seeds for each in run_seeds(seed, starts)]
        losses = list(map(_last_loss, train_recorded(_shortened(plan), sampling, tried)))
        groups = [range(first, first + starts) for first in range(0, len(tried), starts)]
        seeds = [tried[min(group, key=losses.__getitem__)] for group in groups]
    yield from train_recorded(plan, sampling, seeds)


def _from_the_best(plan: Plan[Trained], starts: int, seed: int, progress: Progress) -> Run:
    if starts > 1:
        short = _shortened(plan)
        seed = min(run_seeds(seed, starts), key=lambda each: _last_loss(train_head(short, each, progress)))
    return train_head(plan, seed, progress)


def _shortened(plan: Plan[Trained]) -> Plan[Trained]:
    """The first steps of a training, whole epochs; nobody is told of them, and no model is kept."""
    _, epoch, steps = steps_for(plan.problem.settings.training, plan.images)
    quiet = replace(plan.problem, steps=(), live=None)
    return replace(plan, problem=quiet, until=max(steps // TRIED // epoch, 1) * epoch)


def _last_loss(run: Run) -> float:
    return run.history[-1][TOTAL]


def each_seed(
    problem: Problem, seeds: list[int], train: Callable[[int, Progress], Run], most: int | None = None
) -> Iterator[Run]:
    """The run of every seed, in order.

    On a CPU every run has one thread, and as many runs go on at a time as there are cores: a head is too small to keep
    several cores busy, and so a run's bytes do not depend on their number. Where the cores do not divide the runs, the
    last ones, fewer than two a core, share them, so that none is idle while others still train.

    Args:
        problem: its device, and where its progress goes.
        seeds: of the runs.
        train: makes the run of a seed; it is to call its second argument before each step, as that ends a run whose
            result nobody waits for any more.
        most: runs at a time; None: as many as there are cores, or as share them at the end.
    """
    stop = threading.Event()

    def numbered(number: int) -> Run:
        def progress(step: int, steps: int, told: bool) -> None:
            if stop.is_set():
                raise CancelledError
            if told:
                problem.progress(f"run {number + 1} of {len(seeds)}, step {step} of {steps}")

        run = train(seeds[number], progress)
        # At once: of runs beside each other a later one may end before the first.
        problem.ended(seeds[number], run)
        return run

    if problem.device != "cpu":
        yield from map(numbered, range(len(seeds)))
        return
    cores = min(torch.get_num_threads(), len(seeds), most or len(seeds))
    left = len(seeds) % cores
    first = len(seeds) - (cores + left if left and not most else 0)
    with one_thread_each():
        yield from _beside_each_other(numbered, range(first), cores, stop)
        yield from _beside_each_other(numbered, range(first, len(seeds)), cores + left, stop)


def _beside_each_other(
    run: Callable[[int], Run], numbers: Sequence[int], threads: int, stop: threading.Event
) -> Iterator[Run]:
    with ThreadPoolExecutor(threads, thread_name_prefix="fit") as pool:
        try:
            yield from pool.map(run, numbers)
        except BaseException:
            stop.set()  # After Ctrl-C the pool still waits for the runs in work.
            raise
