"""Several runs as one: their heads' weights side by side, one batched multiplication a layer in the place of many.

A single head leaves a GPU idle most of the time. What a run gets is what it gets alone: its own start, its own pairs,
its own gradient, and an optimiser that takes each number for itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from pipeline.devices import pick_precision
from pipeline.head import Head
from pipeline.problem import Model, Run
from pipeline.training import TOTAL, HeadModel, Plan, Progress, Trained, adam, history_of, started, steps_for

WIDTH = 10
"""Runs in a batch, always: how a multiplication is split depends on how many there are, and a run's last bits with it.
Fewer runs are filled up with copies of the first."""


def train_together(plan: Plan[Trained], seeds: list[int], progress: Progress) -> Iterator[Run]:
    """A run for each seed, `WIDTH` of them trained step by step together.

    Args:
        plan: of single heads, with an objective that keeps no state.
        seeds: of the runs, any number.
        progress: told before each step.
    """
    for first in range(0, len(seeds), WIDTH):
        some = seeds[first : first + WIDTH]
        filled = some + some[:1] * (WIDTH - len(some))
        yield from _batch(plan, filled, progress)[: len(some)]


def _batch(plan: Plan[Trained], seeds: list[int], progress: Progress) -> list[Run]:
    problem = plan.problem
    settings, device = problem.settings.training, torch.device(problem.device)
    batch, epoch, steps = steps_for(settings, plan.images)
    bf16 = pick_precision(settings.precision, problem.device) == "bf16"
    heads = [started(problem, plan.build, plan.statistics, seed) for seed in seeds]
    objective = plan.objective(heads[0])
    weights, buffers = stack_module_state(heads)
    alone = copy.deepcopy(heads[0]).to("meta")
    optimiser, schedule = adam(weights.values(), settings, steps)
    drawn = [plan.draw(batch, steps, torch.Generator().manual_seed(seed)) for seed in seeds]
    values = torch.empty(steps, len(seeds), len(objective.names), device=device)
    snapshots: list[dict[int, Model]] = [{} for _ in seeds]

    def terms_of(
        weights: dict[str, Any], buffers: dict[str, Any], ones: torch.Tensor, others: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        def forward(embeddings: torch.Tensor, other: nn.Module | None = None) -> torch.Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits: torch.Tensor = functional_call(alone, (weights, buffers), (embeddings,))
            return logits.float()

        return objective(forward, ones, others)

    def model(run: int) -> HeadModel:
        head = copy.deepcopy(heads[run])
        assert isinstance(head, Head), "a single head is what is trained together"
        head.load_state_dict({name: value[run].detach() for name, value in (weights | buffers).items()})
        return HeadModel(head)

    for step in range(steps):
        progress(step, steps, step % epoch == 0)
        if step in problem.steps:
            for run, kept in enumerate(snapshots):
                kept[step] = model(run)
        ones, others = (
            torch.stack(halves).to(device) for halves in zip(*(next(pairs) for pairs in drawn), strict=True)
        )
        terms = vmap(terms_of)(weights, buffers, ones, others)
        optimiser.zero_grad()
        terms[TOTAL].sum().backward()
        optimiser.step()
        schedule.step()
        values[step] = torch.stack([terms[name] for name in objective.names], 1).detach()

    total = values[:, :, objective.names.index(TOTAL)]
    return [
        Run(
            model(run),
            float(total[:, run].double().mean()),
            history_of(values[:, run], objective.names, epoch),
            snapshots[run],
        )
        for run in range(len(seeds))
    ]
