"""Training a cluster head on pairs of embeddings: the loop that the objectives share, Adam with cosine annealing."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch

from pipeline import pairs
from pipeline.head import Head
from pipeline.problem import Model, Problem, Run
from pipeline.settings import TrainingSettings

ROWS = 8192
"""Embeddings that go through the head together outside of training."""
SEEDING = threading.Lock()
"""Held while the global random generator is in use."""
TOTAL = "total"
"""The name of what is minimised, among an objective's terms."""


Forward = Callable[[torch.Tensor], torch.Tensor]
"""The head in training, in the precision of the training: embeddings (batch, dim) to float32 logits."""


class Objective(Protocol):
    """What a training minimises; one is made for each run, so it may keep a state."""

    names: tuple[str, ...]
    """Its terms, each of them a curve of the history; `TOTAL` is among them."""

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms, scalars, of a batch of pairs, float32 (batch, dim) each."""

    def stepped(self, head: Head) -> None:
        """Called after each step, for what follows the head."""


def pair_logits(forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits of both halves of the pairs, float32 (batch, clusters) each.

    One pass over both: BatchNorm then sees the whole batch.
    """
    logits = forward(torch.cat([ones, others]))
    return logits[: len(ones)], logits[len(ones) :]


class HeadModel:
    """A trained head, in eval mode."""

    def __init__(self, head: Head, hidden: tuple[int, ...]) -> None:
        self.head = head.eval()
        self.hidden = hidden

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
        """The widths of the hidden layers; the rest follows from the tensors' shapes."""
        return {"hidden": list(self.hidden)}

    def tensors(self) -> dict[str, np.ndarray]:
        """The head's parameters and statistics."""
        return {name: value.detach().cpu().numpy() for name, value in self.head.state_dict().items()}


def restore_head(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> HeadModel:
    """The model from its saved head."""
    hidden = tuple(config["hidden"])
    last = f"layers.{3 * len(hidden)}.weight"
    head = Head(len(tensors["mean"]), hidden, len(tensors[last]))
    head.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return HeadModel(head, hidden)


def steps_for(settings: TrainingSettings, images: int) -> tuple[int, int, int]:
    """Batch size, steps an epoch and steps in all: 30 epochs (paper), but at least `min_steps` (ours)."""
    batch = min(settings.batch, images)
    epoch = math.ceil(images / batch)
    return batch, epoch, max(settings.epochs * epoch, settings.min_steps)


def pick_precision(wanted: str, device: str) -> str:
    """fp32 or bf16: ``auto`` takes bf16 where the hardware multiplies it natively, about three times faster."""
    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"


def train_heads(problem: Problem, seeds: list[int], kind: str, objective: Callable[[Head], Objective]) -> Iterator[Run]:
    """One head for each seed.

    The loss of a run is the mean of the objective over all training steps (ours). At the end every head fits its pairs
    almost perfectly, so the last losses tell little; how fast it got there tells more. Lyle et al. (A Bayesian
    Perspective on Training Speed and Model Selection, NeurIPS 2020) give the reason: the sum of the losses along the
    training bounds the marginal likelihood.

    On a CPU every run has one thread, and as many runs go on at a time as there are cores: a head is too small to keep
    several cores busy, and so a run's bytes do not depend on their number.

    Args:
        problem: the embeddings; its `settings.training` says how to train.
        seeds: of the runs.
        kind: which pairs, see `pipeline.pairs.batches`.
        objective: makes the objective of a run, given its head before the first step.
    """
    data = torch.from_numpy(problem.views).to(problem.device)
    partners = None
    if pairs.needs_neighbours(kind, problem.views.shape[1]):
        found, _ = problem.near.nearest(problem.settings.pairs.neighbours)
        partners = pairs.mutual(found) if problem.settings.pairs.adaptive else pairs.all_of(found)
    stop = threading.Event()

    def train(number: int) -> Run:
        title = f"run {number + 1} of {len(seeds)}"
        return _train(problem, data, partners, seeds[number], kind, objective, title, stop)

    if problem.device != "cpu":
        yield from map(train, range(len(seeds)))
        return
    workers = min(torch.get_num_threads(), len(seeds))
    with one_thread_each(), ThreadPoolExecutor(workers, thread_name_prefix="fit") as pool:
        try:
            yield from pool.map(train, range(len(seeds)))
        finally:
            # After Ctrl-C the pool still waits for the runs in work.
            stop.set()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Torch's operations use the calling thread alone for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    problem: Problem,
    data: torch.Tensor,
    partners: pairs.Partners | None,
    seed: int,
    kind: str,
    make: Callable[[Head], Objective],
    title: str,
    stop: threading.Event,
) -> Run:
    settings, device = problem.settings.training, problem.device
    images, _, dim = data.shape
    batch, epoch, steps = steps_for(settings, images)
    bf16 = pick_precision(settings.precision, device) == "bf16"

    # The global generator is the only one that torch's initialisers take, so it is set for the run and given back.
    with SEEDING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = Head(dim, settings.hidden, problem.dataset.clusters)
    head.standardise_by(data)
    head = head.to(device).train()
    objective = make(head)
    optimiser = torch.optim.Adam(head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = torch.Generator().manual_seed(seed)
    values = torch.empty(steps, len(objective.names), device=device)
    snapshots: dict[int, Model] = {}

    def forward(embeddings: torch.Tensor) -> torch.Tensor:
        with torch.autocast(data.device.type, torch.bfloat16, enabled=bf16):
            logits: torch.Tensor = head(embeddings)
        return logits.float()

    for step, (ones, others) in enumerate(pairs.batches(kind, data, partners, batch, steps, generator)):
        if stop.is_set():
            raise CancelledError
        if step in problem.steps:
            snapshots[step] = HeadModel(copy.deepcopy(head), settings.hidden)
        terms = objective(forward, ones.float(), others.float())
        optimiser.zero_grad()
        terms[TOTAL].backward()
        optimiser.step()
        schedule.step()
        objective.stepped(head)
        values[step] = torch.stack([terms[name] for name in objective.names]).detach()
        if step % epoch == 0:
            problem.progress(f"{title}, step {step} of {steps}")

    history = []
    for last in range(epoch, steps + epoch, epoch):
        means = values[last - epoch : last].mean(0).tolist()
        history.append({"step": float(min(last, steps)), **dict(zip(objective.names, means, strict=True))})
    model = HeadModel(head, settings.hidden)
    total = values[:, objective.names.index(TOTAL)]
    return Run(model, float(total.double().mean()), history, snapshots)
