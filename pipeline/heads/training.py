"""Training a cluster head on pairs of embeddings: the loop that the objectives share, Adam with cosine annealing."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import nn

from pipeline.config.devices import pick_precision
from pipeline.heads.adam import Adam
from pipeline.heads.head import Head, Statistics, Trainable
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.settings import TrainingSettings

ROWS = 8192
"""Embeddings that go through the head together outside of training."""
Pairs = Iterator[tuple[torch.Tensor, torch.Tensor]]
"""The embeddings of both halves of each step's pairs, (batch, dim) each."""
Draw = Callable[[int, int, torch.Generator], Pairs]
"""Makes the pairs of a run, of the batch size, the number of steps and the source of randomness."""
_SEEDING = threading.Lock()
TOTAL = "total"
"""The name of what is minimised, among an objective's terms."""
Progress = Callable[[int, int, bool], None]
"""Takes the step, the number of steps, and whether people are told."""

Trained = TypeVar("Trained", bound=Trainable)


class Forward(Protocol):
    """A module in the precision of the training."""

    def __call__(self, embeddings: torch.Tensor, other: nn.Module | None = None) -> torch.Tensor:
        """The float32 logits of embeddings (batch, dim), of what is trained or of another module."""


class Objective(Protocol):
    """What a training minimises; one is made for each run, with what is trained, so it may keep a state."""

    names: tuple[str, ...]
    """Its terms, each of them a curve of the history; `TOTAL` is among them."""

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms, scalars, of a batch of pairs, float16 or float32 (batch, dim) each: the head widens them."""

    def stepped(self) -> None:
        """Called after each step, for what follows the head."""

    def kept(self) -> Head:
        """The head that the run leaves, as it is now."""


def pair_logits(
    forward: Forward, ones: torch.Tensor, others: torch.Tensor, other: nn.Module | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits of both halves of the pairs, float32 (batch, clusters) each, or (heads, batch, clusters).

    One pass over both: BatchNorm then sees the whole batch.
    """
    logits = forward(torch.cat([ones, others]), other)
    return logits[..., : len(ones), :], logits[..., len(ones) :, :]


class HeadModel:
    """A trained head, in eval mode."""

    def __init__(self, head: Head) -> None:
        self.head = head.eval()

    @torch.inference_mode()
    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The head's logits, float32 (n, clusters)."""
        device = self.head.mean.device
        blocks = torch.from_numpy(np.ascontiguousarray(embeddings)).split(ROWS)
        return np.concatenate([self.head(block.to(device).float()).cpu().numpy() for block in blocks])

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """The softmax of the logits."""
        probabilities: np.ndarray = torch.from_numpy(logits).softmax(-1).numpy()
        return probabilities

    def config(self) -> dict[str, Any]:
        """The widths of the hidden layers, and what is done to its input; the rest follows from the tensors' shapes."""
        return {"hidden": list(self.head.hidden), **({"unit": True} if self.head.unit else {})}

    def tensors(self) -> dict[str, np.ndarray]:
        """The head's parameters and statistics."""
        return {name: value.detach().cpu().numpy() for name, value in self.head.state_dict().items()}


def restore_head(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> HeadModel:
    """The model from its saved head."""
    hidden = tuple(config["hidden"])
    if not all(type(width) is int and width > 0 for width in hidden):
        raise ValueError("expected the widths of its layers, found others")
    unit = config.get("unit", False)
    if type(unit) is not bool:
        raise ValueError("expected whether its input has length 1, found something else")
    last = f"layers.{3 * len(hidden)}.weight"
    with torch.device("meta"):  # Widths that the file only claims take no memory.
        head = Head(len(tensors["mean"]), hidden, len(tensors[last]), unit)
    head.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()}, assign=True)
    return HeadModel(head.requires_grad_(False))


def steps_for(settings: TrainingSettings, images: int) -> tuple[int, int, int]:
    """Batch size, steps an epoch and steps in all: 30 epochs (paper), but at least `min_steps` (ours)."""
    batch = min(settings.batch, images)
    epoch = math.ceil(images / batch)
    return batch, epoch, max(settings.epochs * epoch, settings.min_steps)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Torch's operations use the calling thread alone for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global generator, the only one that torch's initialisers take, is set for a while and then given back."""
    with _SEEDING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


Build = Callable[[int, tuple[int, ...], int], Trained]
"""Makes what is trained, of the embeddings' length, the widths of the hidden layers and the number of clusters."""


@dataclass(frozen=True)
class Plan(Generic[Trained]):
    """What the runs of a method have in common."""

    problem: Problem
    """How to train, and on which device."""
    images: int
    """Of the train split."""
    statistics: Statistics
    """Of its embeddings."""
    draw: Draw
    """Makes a run's pairs."""
    build: Build[Trained]
    objective: Callable[[Trained], Objective]
    """Makes a run's objective, given what is trained before the first step."""
    until: int | None = None
    """Steps after which a run is left, with learning rates as if it went on; None: at its end."""


def started(problem: Problem, build: Build[Trained], given: Statistics, seed: int) -> Trained:
    """What a run trains, before its first step.

    Args:
        problem: its widths, its number of clusters and its device.
        build: makes it.
        given: the statistics of the embeddings.
        seed: of the run.
    """
    with seeded(seed):
        head = build(len(given[0]), problem.settings.training.hidden, problem.dataset.clusters)
    head.standardise_by(given)
    return head.to(problem.device).train()


def in_precision(trained: nn.Module, precision: str, device: str) -> Forward:
    """A module, or another one, in the precision of the training.

    Args:
        trained: the module.
        precision: fp32, bf16 or auto.
        device: where it is.
    """
    bf16 = pick_precision(precision, device) == "bf16"

    def forward(embeddings: torch.Tensor, other: nn.Module | None = None) -> torch.Tensor:
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            logits: torch.Tensor = (other or trained)(embeddings)
        return logits.float()

    return forward


def train_head(plan: Plan[Trained], seed: int, progress: Progress) -> Run:
    """One run.

    Args:
        plan: see there.
        seed: of its start and its pairs.
        progress: told before each step.
    """
    problem = plan.problem
    settings, device = problem.settings.training, problem.device
    batch, epoch, steps = steps_for(settings, plan.images)

    head = started(problem, plan.build, plan.statistics, seed)
    forward = in_precision(head, settings.precision, device)
    objective = plan.objective(head)
    optimiser = Adam(head.parameters(), settings.learning_rate, settings.weight_decay, steps)
    generator = torch.Generator().manual_seed(seed)
    values = torch.empty(steps, len(objective.names), device=device)
    snapshots: dict[int, Model] = {}

    for step, (ones, others) in enumerate(islice(plan.draw(batch, steps, generator), plan.until)):
        progress(step, steps, step % epoch == 0)
        if step in problem.steps:
            snapshots[step] = HeadModel(copy.deepcopy(objective.kept()))
        terms = objective(forward, ones.to(device), others.to(device))
        optimiser.zero_grad()
        terms[TOTAL].backward()
        optimiser.step()
        objective.stepped()
        values[step] = torch.stack([terms[name] for name in objective.names]).detach()
        if problem.live and ((step + 1) % epoch == 0 or step + 1 == steps):
            (row,) = history_of(values[step - step % epoch : step + 1], objective.names, epoch)
            problem.live(seed, {**row, "step": float(step + 1)})

    return run_of(objective, values[: plan.until], epoch, snapshots)


def run_of(objective: Objective, values: torch.Tensor, epoch: int, snapshots: dict[int, Model]) -> Run:
    """What a training leaves.

    Args:
        objective: after the last step.
        values: its terms at each step, (steps, terms).
        epoch: steps of one.
        snapshots: the models that were kept on the way, by the step.
    """
    model = HeadModel(objective.kept())
    total = values[:, objective.names.index(TOTAL)]
    return Run(model, float(total.double().mean()), history_of(values, objective.names, epoch), snapshots)


def history_of(values: torch.Tensor, names: Sequence[str], epoch: int) -> list[dict[str, float]]:
    """The mean of each term over each epoch.

    Args:
        values: (steps, terms).
        names: of the terms.
        epoch: steps of one.
    """
    steps, history = len(values), []
    for last in range(epoch, steps + epoch, epoch):
        means = values[last - epoch : last].mean(0).tolist()
        history.append({"step": float(min(last, steps)), **dict(zip(names, means, strict=True))})
    return history
