"""MiCE (Tsai, Li and Zhu, MiCE: Mixture of Contrastive Experts for Unsupervised Image Clustering, ICLR 2021).

Every cluster has an expert that tells an image's other view from those of all other images; a gate says which expert an
image goes to. What is maximised is the likelihood of the right view under the mixture, by the bound that the posterior
of the experts makes tight.

Taken: gate, experts, their prototypes, the teacher, and the bound. The gate's prototypes are fixed and as far from each
other as can be: here the corners of a simplex, to which the head's logits point. Left out: the training of the
backbone, and the queue of negatives; a batch of 512 has its own (ours). Ours: all experts are linear on the head's last
hidden layer; their prototypes are an exponential mean of what the paper adds up over an epoch; and an image's cluster
is what the gate says, as its posterior asks for a second view.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional

from pipeline.config.types import Count, Range, Share
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, restore_head
from pipeline.methods.baselines.projecting import Projecting

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """MiCE's experts and their teacher."""

    pairs: Pairs = "views"
    """Paper."""
    width: Count = 128
    """Paper: of an expert's vectors."""
    temperature: Annotated[float, Range(0.01)] = 1.0
    """Paper: tau, of the experts."""
    gate_temperature: Annotated[float, Range(0.01)] = 1.0
    """Paper: kappa, of the gate."""
    teacher_momentum: Share = 0.95
    """Ours; the paper's 0.999 is for hundreds of times as many steps."""
    prototype_momentum: Share = 0.9
    """Ours, see above."""


class Net(Projecting):
    """The gate, and all experts side by side."""

    prototypes: torch.Tensor

    def __init__(self, dim: int, hidden: tuple[int, ...], clusters: int, width: int) -> None:
        super().__init__(dim, hidden, clusters, clusters * width)
        self.register_buffer("prototypes", functional.normalize(torch.randn(clusters, width), dim=1))

    def experts(self, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What `forward` gave as logits (batch, clusters) and each expert's vectors (batch, clusters, width)."""
        logits, vectors = self.split(shown)
        return logits, functional.normalize(vectors.unflatten(1, (self.clusters, -1)), dim=2)


def log_gate(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """The logarithm of how likely each expert is, by the cosines with the corners of a simplex, (batch, clusters).

    Args:
        logits: (batch, clusters), of any length: their direction alone counts.
        temperature: kappa.
    """
    clusters = logits.shape[1]
    centred = functional.normalize(logits - logits.mean(1, keepdim=True), dim=1)
    return (centred * math.sqrt(clusters / max(clusters - 1, 1)) / temperature).log_softmax(-1)


def log_experts(
    vectors: torch.Tensor, taught: torch.Tensor, prototypes: torch.Tensor, temperature: float
) -> torch.Tensor:
    """The logarithm of how likely each expert finds an image's other view among all of the batch, (batch, clusters).

    Args:
        vectors: (batch, clusters, width), at length 1.
        taught: the same of the teacher, of the other views.
        prototypes: (clusters, width), at length 1.
        temperature: tau.
    """
    products = torch.einsum("bkd,nkd->kbn", vectors + prototypes, taught) / temperature
    return products.log_softmax(2).diagonal(dim1=1, dim2=2).T


def mice_terms(gate: torch.Tensor, experts: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The terms of MiCE's objective for a batch, and the posterior of the experts, (batch, clusters).

    With q the posterior:

    - ``gate``: the mean of -sum_k q_k log p(k);
    - ``experts``: the mean of -sum_k q_k log p(view | k);
    - ``entropy``: that of q, in nats.

    The total is gate + experts - entropy, which is minus the log-likelihood of the views.

    Args:
        gate: see `log_gate`.
        experts: see `log_experts`.
    """
    joint = gate + experts
    log_q = joint.log_softmax(-1)
    q = log_q.exp()
    terms = {
        "gate": -(q * gate).sum(1).mean(),
        "experts": -(q * experts).sum(1).mean(),
        "entropy": -(q * log_q).sum(1).mean(),
    }
    return {**terms, TOTAL: -joint.logsumexp(-1).mean()}, q.detach()


class Mice:
    """MiCE's objective on a batch of pairs: the head sees the first halves, and its teacher the second ones."""

    names: tuple[str, ...] = ("gate", "experts", "entropy", TOTAL)

    def __init__(self, net: Net, settings: Settings) -> None:
        self.net = net
        self.settings = settings
        self.teacher = copy.deepcopy(net).requires_grad_(False)
        self.sums = net.prototypes.clone()

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms and their total; see `mice_terms`."""
        settings, prototypes = self.settings, functional.normalize(self.sums, dim=1)
        logits, vectors = self.net.experts(forward(ones))
        with torch.no_grad():
            _, taught = self.net.experts(forward(others, self.teacher))
        gate = log_gate(logits, settings.gate_temperature)
        terms, posterior = mice_terms(gate, log_experts(vectors, taught, prototypes, settings.temperature))
        with torch.no_grad():
            chosen = (posterior.argmax(1)[:, None] == torch.arange(len(prototypes), device=taught.device)).float()
            self.sums.lerp_(torch.einsum("bk,bkd->kd", chosen, taught) / len(ones), 1 - settings.prototype_momentum)
        return terms

    @torch.no_grad()
    def stepped(self) -> None:
        """The teacher follows."""
        for teacher, student in zip(self.teacher.parameters(), self.net.parameters(), strict=True):
            teacher.lerp_(student, 1 - self.settings.teacher_momentum)

    def kept(self) -> Head:
        """The gate."""
        return self.net.plain()


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("mice", Settings)

    def build(dim: int, hidden: tuple[int, ...], clusters: int) -> Net:
        return Net(dim, hidden, clusters, settings.width)

    yield from train_heads(problem, seeds, settings.pairs, build, lambda net: Mice(net, settings))
