"""A head that learns from a clustering and from what a person answered: the semi-supervised training, ours."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.heads.answers import Answers
from pipeline.heads.distillation import distil
from pipeline.heads.problem import Problem
from pipeline.heads.training import HeadModel

WEIGHT = 1.0
"""Of the pairs' term beside the cross entropy."""
MOST_PAIRS = 256
"""That a step sees."""


def teach(problem: Problem, beliefs: np.ndarray, answers: Answers, steps: int, seed: int) -> HeadModel:
    """Trains a head to say what is believed of each picture, and pairs of pictures to be of one cluster or of two.

    Args:
        problem: the embeddings, and how heads are trained; its clusters are the beliefs'.
        beliefs: float (images, outputs), see `answers.spread`.
        answers: what a person said.
        steps: of the training.
        seed: of the head's start and of the batches.
    """
    # Squared: the head is to decide, where beliefs leave a doubt.
    sharp = beliefs.astype(np.float32) ** 2
    sharp /= sharp.sum(1, keepdims=True)
    pairs = Pairs(*answers.pairs())
    return distil(problem, sharp, np.ones(len(sharp)), steps, seed, pairs if len(pairs.rows) else None)


class Pairs:
    """The pairs' term of the training."""

    def __init__(self, together: np.ndarray, apart: np.ndarray) -> None:
        """Pairs of rows, int (pairs, 2) each, that are of one cluster, and that are of two."""
        self.rows = torch.from_numpy(np.concatenate([together, apart]))
        self.together = torch.arange(len(self.rows)) < len(together)
        self.chosen = torch.arange(0)

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """The rows that a step looks at beside its batch, int64 (n,)."""
        self.chosen = torch.randperm(len(self.rows), generator=generator)[:MOST_PAIRS]
        return self.rows[self.chosen].flatten()

    def loss(self, logits: torch.Tensor) -> torch.Tensor:
        """The term of the rows that were drawn last, from their logits (n, clusters)."""
        log_p = logits.log_softmax(-1).unflatten(0, (-1, 2))
        return WEIGHT * pair_loss(log_p[:, 0], log_p[:, 1], self.together[self.chosen].to(logits.device))


def pair_loss(log_p: torch.Tensor, log_q: torch.Tensor, together: torch.Tensor) -> torch.Tensor:
    """How far pairs of pictures are from being of one cluster, or of two, as a person said.

    With s = sum_c p_c q_c, the probability that both are of one cluster: -log s of those that belong together, as in
    equation 4 of arXiv 2502.04226, and -log(1 - s) of those that do not; the mean over all pairs, at least 0.

    Args:
        log_p: (pairs, clusters), log probabilities of the first of each pair.
        log_q: the same of the second.
        together: bool (pairs,), whether they are of one cluster.
    """
    # At 1 the second logarithm has no end, and no gradient.
    log_s = torch.logsumexp(log_p + log_q, -1).clamp(max=-1e-6)
    return -torch.where(together, log_s, torch.log(-torch.expm1(log_s))).mean()
