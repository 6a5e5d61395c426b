"""TAC (Li et al., Image Clustering with External Guidance, ICML 2024). It reads WordNet's nouns.

Two heads, one on the images and one on their text counterparts (see `counterparts`), learn from each other: a cluster
of the one is to have the images whose neighbours the other puts there. The images' head predicts; it reads no text.

Ours: the neighbours of an image do not count the image itself, and a run's loss is the mean of the objective over its
steps.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch

from pipeline.config.types import Count, NotNegative, Range, Share
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours
from pipeline.heads import pairs
from pipeline.heads.head import Head
from pipeline.heads.objectives import mean_entropy
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.training import TOTAL, HeadModel, Progress, history_of, restore_head, seeded
from pipeline.methods.baselines.contrast import contrast
from pipeline.methods.counterparts import CounterpartSettings, counterparts, kept_nouns
from pipeline.methods.kmeans import normalise

NAMES = ("distillation", "confidence", "balance", TOTAL)


@dataclass(frozen=True)
class Settings(CounterpartSettings):
    """The counterparts, the two heads' objective and their training."""

    neighbours: Count = 50
    """Paper: of an image among the images, and of its counterpart among the counterparts; one is drawn a step."""
    temperature: Annotated[float, Range(0.01)] = 0.5
    """Paper: of the clusters' contrast; 5 on ImageNet-1k."""
    balance_weight: NotNegative = 5.0
    """Paper."""
    epochs: Count = 20
    """Paper; 100 on ImageNet-1k."""
    batch: Annotated[int, Range(2)] = 512
    """Paper; 8192 on ImageNet-1k."""
    learning_rate: Annotated[float, Range(1e-8)] = 0.001
    """Paper, of Adam, which stays the same; so are both numbers of its memory below."""
    momentum: Share = 0.9
    square_momentum: Share = 0.99


class Logits(NamedTuple):
    """Of a batch, (batch, clusters) each."""

    images: torch.Tensor
    texts: torch.Tensor
    """Of the images' counterparts, by the other head."""
    near_images: torch.Tensor
    """Of a neighbour of each image."""
    near_texts: torch.Tensor
    """Of a neighbour of each counterpart."""


def tac_terms(logits: Logits, temperature: float, balance_weight: float) -> dict[str, torch.Tensor]:
    """The terms of TAC's objective for a batch, and their total, balance negative.

    - ``distillation``: how badly a cluster's column of probabilities is told from the others, images against the
      counterparts' neighbours and counterparts against the images' neighbours, added; see `contrast`;
    - ``confidence``: minus the mean logarithm of the inner product of an image's and its counterpart's probabilities;
    - ``balance``: the entropies of both means, added, in nats.

    Args:
        logits: see there.
        temperature: of the contrast.
        balance_weight: of the entropies.
    """
    log_p, log_q, near_p, near_q = (each.log_softmax(-1) for each in logits)
    p, q, near_images, near_texts = (each.exp().T for each in (log_p, log_q, near_p, near_q))
    terms = {
        "distillation": contrast(p, near_texts, temperature) + contrast(q, near_images, temperature),
        "confidence": -torch.logsumexp(log_p + log_q, -1).mean(),
        "balance": mean_entropy(log_p) + mean_entropy(log_q),
    }
    return {**terms, TOTAL: terms["distillation"] + terms["confidence"] - balance_weight * terms["balance"]}


class UnitHead(HeadModel):
    """The images' head, on embeddings brought to length 1."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The head's logits, float32 (n, clusters)."""
        return super().logits(unit_length(embeddings.astype(np.float32)))


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> UnitHead:
    """The model from its saved head."""
    return UnitHead(restore_head(config, tensors).head)


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """Two heads for each seed, of which the images' is kept."""
    settings = problem.settings.section("tac", Settings)
    images = normalise(problem.views[:, 0])
    problem.progress("nouns")
    texts = counterparts(images, kept_nouns(problem, images, settings), settings.sharpness)
    data = [torch.from_numpy(each).to(problem.device) for each in (images, texts)]
    near = [torch.from_numpy(problem.near.nearest(settings.neighbours)[0])]
    near += [torch.from_numpy(neighbours(texts, settings.neighbours)[0])]

    def train(seed: int, progress: Progress) -> Run:
        return _train(problem, settings, data, near, seed, progress)

    yield from each_seed(problem, seeds, train)


def _train(
    problem: Problem,
    settings: Settings,
    data: list[torch.Tensor],
    near: list[torch.Tensor],
    seed: int,
    progress: Progress,
) -> Run:
    count, dim = data[0].shape
    with seeded(seed):
        heads = [Head(dim, (dim,), problem.dataset.clusters).to(problem.device).train() for _ in data]
    learnt = [value for head in heads for value in head.parameters()]
    betas = settings.momentum, settings.square_momentum
    optimiser = torch.optim.Adam(learnt, settings.learning_rate, betas, fused=True)
    generator = torch.Generator().manual_seed(seed)
    batch = min(settings.batch, count)
    epoch = -(-count // batch)
    steps = settings.epochs * epoch
    values = torch.empty(steps, len(NAMES), device=problem.device)
    snapshots: dict[int, Model] = {}
    for step, rows in enumerate(pairs.image_batches(count, batch, steps, generator)):
        progress(step, steps, step % epoch == 0)
        if step in problem.steps:
            snapshots[step] = UnitHead(copy.deepcopy(heads[0]))
        own, partners = [], []
        for head, embeddings, found in zip(heads, data, near, strict=True):
            drawn = found[rows, torch.randint(found.shape[1], (batch,), generator=generator)]
            # One pass over both: BatchNorm then sees the whole batch.
            logits = head(embeddings[torch.cat([rows, drawn]).to(problem.device)])
            own.append(logits[:batch])
            partners.append(logits[batch:])
        terms = tac_terms(Logits(*own, *partners), settings.temperature, settings.balance_weight)
        optimiser.zero_grad()
        terms[TOTAL].backward()
        optimiser.step()
        values[step] = torch.stack([terms[name] for name in NAMES]).detach()
    loss = float(values[:, NAMES.index(TOTAL)].double().mean())
    return Run(UnitHead(heads[0]), loss, history_of(values, NAMES, epoch), snapshots)
