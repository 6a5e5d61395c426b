"""A small head that predicts what another clustering says, learnt most from the images on which that one is sure."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from pipeline.heads.adam import Adam
from pipeline.heads.head import Head, statistics
from pipeline.heads.pairs import image_batches
from pipeline.heads.problem import Problem
from pipeline.heads.training import HeadModel, in_precision, one_thread_each, started

FEWEST = 64
"""Rows of a batch at least; of fewer images each is drawn in several views, or BatchNorm's statistics mean little."""


class Term(Protocol):
    """A further term of the loss, on images of its own."""

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """The images of the next step, int64 (n,)."""

    def loss(self, logits: torch.Tensor) -> torch.Tensor:
        """The term, a scalar, from their logits (n, clusters)."""


def distil(
    problem: Problem, clusters: np.ndarray, sureness: np.ndarray, steps: int, seed: int, also: Term | None = None
) -> HeadModel:
    """A head trained by cross entropy to give the images, in any view, their clusters.

    Args:
        problem: the embeddings, and how heads are trained.
        clusters: int (images,), or float (images, clusters), the probabilities of each.
        sureness: float (images,) in 0..1, what each image counts for.
        steps: of the training.
        seed: of the head's start and of the batches.
        also: added to the cross entropy.
    """
    settings, device = problem.settings.training, problem.device
    data = torch.from_numpy(problem.views).to(device)
    targets = torch.from_numpy(clusters.astype(np.float32 if clusters.ndim == 2 else np.int64)).to(device)
    weights = torch.from_numpy(sureness.astype(np.float32)).to(device)
    head = started(problem, Head, statistics(data), seed)
    forward = in_precision(head, settings.precision, device)
    optimiser = Adam(head.parameters(), settings.learning_rate, settings.weight_decay, steps)
    generator = torch.Generator().manual_seed(seed)
    with one_thread_each():
        for drawn in image_batches(len(data), min(settings.batch, len(data)), steps, generator):
            batch = drawn.repeat(-(-FEWEST // len(drawn)))
            size = len(batch)
            if also:
                batch = torch.cat([batch, also.draw(generator)])
            view = torch.randint(data.shape[1], (len(batch),), generator=generator).to(device)
            images = batch.to(device)
            logits = forward(data[images, view])
            losses = cross_entropy(logits[:size], targets[images[:size]], reduction="none")
            loss = (weights[images[:size]] * losses).mean()
            if also:
                loss = loss + also.loss(logits[size:])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return HeadModel(head)
