"""TURTLE (Gadetsky, Jiang and Brbić, Let Go of Your Labels with Unsupervised Transfer, ICML 2024).

A labelling is looked for that linear classifiers learn easily, in one space or in several at once, the parts of a mix.
Nothing is a pair, and no head is trained: the labelling itself is linear in each space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch.nn import functional

from pipeline.config.devices import pick_precision
from pipeline.config.types import Count, NotNegative, Range
from pipeline.heads import objectives, pairs
from pipeline.heads.head import statistics
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.training import ROWS, TOTAL, Progress

NAMES = ("error", "entropy", TOTAL)
SHOWN = 50
"""Steps that a row of the history is the mean of."""

Linear = tuple[torch.Tensor, torch.Tensor]
"""Weight (clusters, dim) and bias (clusters,)."""


@dataclass(frozen=True)
class Settings:
    """TURTLE's two levels."""

    steps: Count
    """Of the labelling."""
    batch: Annotated[int, Range(2)]
    inner_steps: Count
    """Of the linear classifiers, in each step of the labelling."""
    inner_learning_rate: Annotated[float, Range(1e-8)]
    outer_learning_rate: Annotated[float, Range(1e-8)]
    entropy_weight: NotNegative
    """Gamma."""


@dataclass(frozen=True)
class Labelling:
    """The model: the mean over the spaces of the softmax of a linear map of each."""

    parts: tuple[int, ...]
    """Dimensions of each space; an embedding holds one after the other."""
    mean: np.ndarray
    """float32 (dim,), of the train split, like `std`."""
    std: np.ndarray
    weight: np.ndarray
    """float32 (clusters, dim)."""
    bias: np.ndarray
    """float32 (spaces, clusters)."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The logarithms of the probabilities."""
        blocks = [embeddings[first : first + ROWS] for first in range(0, len(embeddings), ROWS)]
        return np.concatenate([self._logits(block) for block in blocks])

    @torch.inference_mode()
    def _logits(self, embeddings: np.ndarray) -> np.ndarray:
        rows = torch.from_numpy((embeddings.astype(np.float32) - self.mean) / self.std)
        weights = torch.from_numpy(self.weight).split(self.parts, 1)
        maps = zip(rows.split(self.parts, 1), weights, torch.from_numpy(self.bias), strict=True)
        spaces = [functional.linear(space, weight, bias) for space, weight, bias in maps]
        logits: np.ndarray = objectives.log_mean_softmax(spaces).numpy()
        return logits

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """The probabilities."""
        probabilities: np.ndarray = np.exp(logits)
        return probabilities

    def config(self) -> dict[str, Any]:
        """The dimensions of the spaces."""
        return {"parts": list(self.parts)}

    def tensors(self) -> dict[str, np.ndarray]:
        """The linear maps and the statistics of their input."""
        return {"mean": self.mean, "std": self.std, "weight": self.weight, "bias": self.bias}


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Labelling:
    """The model from its saved tensors."""
    return Labelling(tuple(config["parts"]), *(tensors[name] for name in ("mean", "std", "weight", "bias")))


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One labelling for each seed; a run's loss is the mean of the objective over all steps, as a head's is (ours).

    Adam on both levels, weight normalisation of the labelling's maps, classifiers that start anew in each step, and the
    first-order gradient are the paper's. The input standardised per dimension is ours.
    """
    data = torch.from_numpy(np.ascontiguousarray(problem.views[:, 0])).to(problem.device)
    mean, std = statistics(data)

    def train(seed: int, progress: Progress) -> Run:
        return _train(problem, data, mean, std, seed, progress)

    yield from each_seed(problem, seeds, train)


def _train(
    problem: Problem, data: torch.Tensor, mean: torch.Tensor, std: torch.Tensor, seed: int, progress: Progress
) -> Run:
    settings, clusters = problem.settings.section("turtle", Settings), problem.dataset.clusters
    bf16 = pick_precision(problem.settings.training.precision, problem.device) == "bf16"
    kind = torch.bfloat16 if bf16 else torch.float32
    images, dim = data.shape
    parts = problem.parts or (dim,)
    generator = torch.Generator().manual_seed(seed)
    maps = [_start(part, clusters, generator, data.device) for part in parts]
    # Weight normalisation: a direction and a length for each cluster.
    lengths = [weight.detach().norm(dim=1, keepdim=True).requires_grad_() for weight, _ in maps]
    learnt = [value for weight, bias in maps for value in (weight, bias)] + lengths
    optimiser = torch.optim.Adam(learnt, settings.outer_learning_rate, fused=True)
    values = torch.empty(settings.steps, len(NAMES), device=data.device)
    snapshots: dict[int, Model] = {}

    def encoders() -> list[Linear]:
        each = zip(maps, lengths, strict=True)
        return [(length * functional.normalize(weight, dim=1), bias) for (weight, bias), length in each]

    def model() -> Labelling:
        with torch.no_grad():
            now = encoders()
            joined = torch.cat([weight for weight, _ in now], 1), torch.stack([bias for _, bias in now])
        return Labelling(parts, *(value.cpu().numpy() for value in (mean, std, *joined)))

    batches = pairs.image_batches(images, min(settings.batch, images), settings.steps, generator)
    for step, rows in enumerate(batches):
        progress(step, settings.steps, step % SHOWN == 0)
        if step in problem.steps:
            snapshots[step] = model()
        batch = data.index_select(0, rows.to(data.device)).float()
        spaces = batch.sub_(mean).div_(std).to(kind).split(parts, 1)
        logits = [_linear(space, *encoder) for space, encoder in zip(spaces, encoders(), strict=True)]
        labels = objectives.log_mean_softmax(logits).exp().detach()
        classifiers = [_start(part, clusters, generator, data.device) for part in parts]
        learn(classifiers, spaces, labels, settings.inner_steps, settings.inner_learning_rate)
        with torch.no_grad():
            predicted = [_linear(space, *each) for space, each in zip(spaces, classifiers, strict=True)]
        terms = objectives.turtle_terms(logits, predicted)
        terms[TOTAL] = terms["error"] - settings.entropy_weight * terms["entropy"]
        optimiser.zero_grad()
        terms[TOTAL].backward()
        optimiser.step()
        values[step] = torch.stack([terms[name] for name in NAMES]).detach()

    history = []
    for first in range(0, settings.steps, SHOWN):
        part = values[first : first + SHOWN]
        means = dict(zip(NAMES, part.mean(0).tolist(), strict=True))
        history.append({"step": float(first + len(part)), **means})
    return Run(model(), float(values[:, NAMES.index(TOTAL)].double().mean()), history, snapshots)


def _start(dim: int, clusters: int, generator: torch.Generator, device: torch.device) -> Linear:
    """A linear layer as torch starts it: uniform within 1 / sqrt(dim)."""
    weight = (2 * torch.rand(clusters, dim, generator=generator) - 1) / dim**0.5
    bias = (2 * torch.rand(clusters, generator=generator) - 1) / dim**0.5
    return weight.to(device).requires_grad_(), bias.to(device).requires_grad_()


def _linear(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A linear layer of few outputs, float32 (batch, outputs), computed in the type of the rows.

    With the weights in front its product takes half the time on a CPU.
    """
    return torch.addmm(bias[:, None].to(rows.dtype), weight.to(rows.dtype), rows.T).float().T


@torch.no_grad()
def learn(
    classifiers: Sequence[Linear], spaces: Sequence[torch.Tensor], labels: torch.Tensor, steps: int, rate: float
) -> None:
    """The inner level: the classifiers take a few steps of Adam towards the labels, in place.

    Their loss is the cross entropy, averaged over the batch. Its gradient is written out: a step takes a fifth to a
    quarter less on a CPU so than with what torch records.

    Args:
        classifiers: one for each space.
        spaces: (batch, dim) each.
        labels: (batch, clusters), probabilities.
        steps: how many.
        rate: the learning rate.
    """
    optimiser = torch.optim.Adam([value for each in classifiers for value in each], rate, fused=True)
    wanted = labels.T
    for _ in range(steps):
        for space, (weight, bias) in zip(spaces, classifiers, strict=True):
            error = _linear(space, weight, bias).T.softmax(0).sub_(wanted).div_(len(labels))
            weight.grad, bias.grad = (error.to(space.dtype) @ space).float(), error.sum(1)
        optimiser.step()
