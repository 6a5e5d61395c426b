"""DEC (Xie, Girshick and Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016), on embeddings.

An image belongs to a centroid by Student's t distribution of their distance, equation 1. The assignments are drawn
towards a target made from themselves, sharper and with every cluster weighed by its size, equations 2 and 3.

Left out: the deep encoder, which the paper trains as an autoencoder first. In its place is a linear map that starts as
the principal components, where a linear autoencoder ends (ours; the five-layer head starts at random, and k-means would
find nothing there to begin with). Ours too: the target is that of a batch, and of a pair one half is drawn towards the
target of the other, as Guo et al. (Deep Embedded Clustering with Data Augmentation, ACML 2018) do with transformations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits
from torch import nn

from pipeline.config.types import Count
from pipeline.heads.head import Head, Statistics, statistics
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import train_heads
from pipeline.heads.settings import Pairs
from pipeline.heads.training import TOTAL, Forward, HeadModel, pair_logits
from pipeline.methods import kmeans

STREAMED = 8192
"""Images that the start is found on where not all are in memory."""


@dataclass(frozen=True)
class Settings:
    """DEC's embedding and start."""

    pairs: Pairs = "views"
    """Ours; the paper has no pairs."""
    width: Count = 10
    """Paper: of the embedding."""
    starts: Count = 20
    """Paper: of k-means, the best of which gives the centroids."""


class StudentHead(Head):
    """A linear embedding and centroids in it; what it gives are the logarithms of Student's t kernel.

    Their softmax are the assignments, equation 1 with one degree of freedom (paper).
    """

    def __init__(self, dim: int, width: int, clusters: int) -> None:
        super().__init__(dim, (), width)
        self.centroids = nn.Parameter(torch.zeros(clusters, width))

    def standardise_by(self, given: Statistics) -> None:
        """Nothing: the embedding was started with statistics of its own."""

    def embed(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(batch, width), of embeddings (batch, dim)."""
        return super().forward(embeddings)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The logits, (batch, clusters), of embeddings (batch, dim)."""
        rows = self.embed(embeddings).float()
        return -(rows[:, None] - self.centroids).square().sum(-1).log1p()


@dataclass(frozen=True)
class Start:
    """What every run begins with: the principal components, scaled to a mean variance of 1."""

    rows: np.ndarray
    """float32 (images, width), the images there."""
    given: Statistics
    """Of the embeddings."""
    weight: np.ndarray
    """float32 (width, dim), from standardised embeddings."""

    @classmethod
    def of(cls, embeddings: np.ndarray, width: int) -> Start:
        """From embeddings (images, dim); fewer images or dimensions than `width` give fewer components."""
        given = statistics(torch.from_numpy(np.ascontiguousarray(embeddings)))
        rows = (embeddings.astype(np.float32) - given[0].numpy()) / given[1].numpy()
        # How sums are split among threads decides their last bits. Where all rows are the same, their variance of 0 is
        # divided by itself.
        with threadpool_limits(1), np.errstate(invalid="ignore"):
            pca = PCA(min(width, *rows.shape), svd_solver="full" if len(rows) < rows.shape[1] else "covariance_eigh")
            found = pca.fit_transform(rows)
        scale = max(float(np.sqrt(np.square(found).mean())), 1e-6)
        return cls((found / scale).astype(np.float32), given, (pca.components_ / scale).astype(np.float32))

    def head(self, clusters: int, starts: int, seed: int) -> StudentHead:
        """The head of a run, its centroids those of k-means."""
        width, dim = self.weight.shape
        head = StudentHead(dim, width, clusters)
        values = kmeans.Settings(starts, iterations=100, tolerance=0.0001)
        centroids, _ = kmeans.best_centroids(self.rows, clusters, values, seed)
        Head.standardise_by(head, self.given)
        linear = head.layers[0]
        assert isinstance(linear, nn.Linear)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(self.weight))
            linear.bias.zero_()
            head.centroids.copy_(torch.from_numpy(centroids))
        return head


def target_of(log_q: torch.Tensor) -> torch.Tensor:
    """Equation 3: the squares of the assignments by their cluster's sum over the batch, each image's brought to sum 1.

    Args:
        log_q: (batch, clusters), log assignments.
    """
    return (2 * log_q - log_q.logsumexp(0)).softmax(-1)


def dec_terms(logits: torch.Tensor, other_logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """The Kullback-Leibler divergence of each half's assignments from the other's target, averaged, in nats.

    Args:
        logits: (batch, clusters), one half of each pair; their softmax are the assignments.
        other_logits: (batch, clusters), the other half.

    Returns:
        the divergence, which is all there is. Swapping the halves or permuting the clusters does not change it.
    """
    log_q = [each.log_softmax(-1) for each in (logits, other_logits)]
    divergences = []
    for near, far in (log_q, log_q[::-1]):
        target = target_of(far.detach())
        divergences.append((torch.special.xlogy(target, target) - target * near).sum(-1).mean())
    return {TOTAL: (divergences[0] + divergences[1]) / 2}


class Dec:
    """DEC's objective on a batch of pairs."""

    names: tuple[str, ...] = (TOTAL,)

    def __init__(self, head: StudentHead) -> None:
        self.head = head

    def __call__(self, forward: Forward, ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """The divergence; see `dec_terms`."""
        return dec_terms(*pair_logits(forward, ones, others))

    def stepped(self) -> None:
        """Nothing follows the head."""

    def kept(self) -> StudentHead:
        """The head that is trained."""
        return self.head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; see `train_heads`."""
    settings = problem.settings.section("dec", Settings)
    if problem.stream is None:
        known = problem.views[:, 0]
    else:
        drawn = torch.Generator().manual_seed(0)
        known = next(problem.stream.pairs(min(STREAMED, problem.stream.images), 1, drawn))[0].numpy()
    start = Start.of(known, settings.width)

    def build(_: int, __: tuple[int, ...], clusters: int) -> StudentHead:
        # Called where the generator has the run's seed, and by one run at a time, as faiss needs it.
        return start.head(clusters, settings.starts, torch.initial_seed())

    yield from train_heads(problem, seeds, settings.pairs, build, Dec)


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> HeadModel:
    """The model from its saved head."""
    clusters, width = tensors["centroids"].shape
    with torch.device("meta"):  # Widths that the file only claims take no memory.
        head = StudentHead(len(tensors["mean"]), width, clusters)
    head.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()}, assign=True)
    return HeadModel(head.requires_grad_(False))
