"""JULE (Yang, Parikh and Batra, Joint Unsupervised Learning of Deep Representations and Image Clusters, CVPR 2016).

Clusters are merged step by step, and between the merges an embedding learns them: an image is to be nearer to one of
its own cluster than to one of the clusters around it. What it learnt decides the next merges, down to the number of
clusters that is wanted.

Taken: the graph, the affinity of clusters, the start in which an image is joined to its nearest one, and the triplets.
Left out: the training of the backbone, and in the rule of merging the term for a cluster's surroundings. It has no
pairs, and reads clean embeddings alone. Ours: the net is the five-layer head with as many units in its last layer as
the embedding is to have; the images are a sample, as the graph is kept as a matrix; the first merges go by the frozen
embeddings; the number of clusters falls by the same factor in each round; and an image's cluster is the one whose mean
is nearest, so new images have one too.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch.nn import functional

from pipeline.config.types import Count, NotNegative, Range
from pipeline.heads.adam import Adam
from pipeline.heads.head import Head, statistics
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.training import (
    TOTAL,
    HeadModel,
    Progress,
    history_of,
    in_precision,
    started,
    steps_for,
)
from pipeline.methods.baselines import learnt
from pipeline.methods.baselines.agglomeration import edges, first_clusters, merged
from pipeline.methods.baselines.learnt import Learnt
from pipeline.methods.kmeans import Centroids, normalise

restore = learnt.restore

NAMES = (TOTAL,)


@dataclass(frozen=True)
class Settings:
    """JULE's embedding, graph and triplets."""

    width: Count = 160
    """Paper, on most data sets: of the embedding."""
    sample: Annotated[int, Range(3)] = 2000
    """Ours: images that are merged and learnt."""
    rounds: Count = 10
    """Ours: in which clusters are merged and the embedding learns them."""
    neighbours: Count = 20
    """Paper: of an image in the graph."""
    scale: Annotated[float, Range(0.01)] = 1.0
    """Paper: a, by which the mean squared distance is multiplied."""
    near_clusters: Count = 5
    """Paper: around a cluster, from which the third image of a triplet is."""
    margin: NotNegative = 0.2
    """The authors' code."""


def triplet_loss(vectors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float) -> torch.Tensor:
    """The mean of max(0, margin + squared distance to the same cluster - that to another one).

    Args:
        vectors: (batch, width), at length 1.
        same: an image of the same cluster for each.
        other: an image of another cluster for each.
        margin: by which the second distance is to be larger.
    """
    apart = (vectors - same).square().sum(1) - (vectors - other).square().sum(1)
    return functional.relu(margin + apart).mean()


def around(vectors: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The clusters whose means are nearest to each cluster's, int64 (clusters, count), count at most all others."""
    sums = np.zeros((labels.max() + 1, vectors.shape[1]), np.float64)
    np.add.at(sums, labels, vectors)
    means = sums / np.bincount(labels)[:, None]
    distances = np.square(means[:, None] - means).sum(2)
    np.fill_diagonal(distances, np.inf)
    nearest: np.ndarray = distances.argsort(1, kind="stable")[:, : min(count, len(means) - 1)]
    return nearest


def triplets(labels: np.ndarray, near: np.ndarray, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Images, others of their clusters and others of a cluster around theirs, int64 (3, batch).

    An image may be drawn beside itself.

    Args:
        labels: int (n,), from 0 on, at least two clusters.
        near: see `around`.
        batch: triplets.
        rng: the source of all randomness.
    """
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    starts = np.cumsum(sizes) - sizes
    images = rng.integers(len(labels), size=batch)
    own = labels[images]
    others = near[own, rng.integers(near.shape[1], size=batch)]
    drawn = [order[starts[each] + (rng.random(batch) * sizes[each]).astype(np.int64)] for each in (own, others)]
    return np.stack([images, *drawn])


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One net for each seed; a run's loss is the spread of the frozen embeddings within its clusters (ours).

    The triplets say little of a run, as each has labels of its own to learn.
    """
    data = torch.from_numpy(np.ascontiguousarray(problem.views[:, 0]))
    given = statistics(data)

    def train(seed: int, progress: Progress) -> Run:
        rng = np.random.default_rng(seed)
        settings = problem.settings.section("jule", Settings)
        chosen = np.sort(rng.permutation(len(data))[: settings.sample])
        return _train(problem, settings, data[torch.from_numpy(chosen)], given, seed, rng, progress)

    yield from each_seed(problem, seeds, train)


def _train(
    problem: Problem,
    settings: Settings,
    data: torch.Tensor,
    given: tuple[torch.Tensor, torch.Tensor],
    seed: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Run:
    training, wanted = problem.settings.training, problem.dataset.clusters
    batch, epoch, steps = steps_for(training, len(problem.views))
    net = started(problem, lambda dim, hidden, _: Head(dim, hidden, settings.width), given, seed)
    forward = in_precision(net, training.precision, problem.device)
    optimiser = Adam(net.parameters(), training.learning_rate, training.weight_decay, steps)
    rows, sample = data.to(problem.device), data.numpy()
    values = torch.empty(steps, len(NAMES), device=problem.device)
    snapshots: dict[int, Model] = {}
    # The embedding itself decides the first merges, as the net has learnt nothing yet.
    embedded = normalise((sample - given[0].numpy()) / given[1].numpy())
    vectors = embedded
    labels = first_clusters(vectors)
    if labels.max() + 1 < wanted:
        labels = np.arange(len(sample))
    first = labels.max() + 1
    counts = [wanted * (first / wanted) ** (1 - (number + 1) / settings.rounds) for number in range(settings.rounds)]

    def model(labels: np.ndarray) -> Learnt:
        frozen = HeadModel(copy.deepcopy(net))
        return Learnt(frozen, Centroids(_means(normalise(frozen.logits(sample)), labels, wanted)))

    for step in range(steps):
        progress(step, steps, step % epoch == 0)
        done = step * settings.rounds
        if done // steps > (done - settings.rounds) // steps or step == 0:
            if step:
                vectors = normalise(HeadModel(copy.deepcopy(net)).logits(sample))
            weights = edges(vectors, settings.neighbours, settings.scale)
            labels = merged(vectors, weights, labels, max(math.ceil(counts[done // steps]), wanted, 2))
            near = around(vectors, labels, settings.near_clusters)
        if step in problem.steps:
            snapshots[step] = model(merged(vectors, weights, labels, wanted))
        drawn = torch.from_numpy(triplets(labels, near, batch, rng)).to(problem.device)
        one, same, other = functional.normalize(forward(rows[drawn.flatten()]), dim=1).chunk(3)
        loss = triplet_loss(one, same, other, settings.margin)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values[step] = loss.detach()
    last = model(merged(vectors, weights, labels, wanted))
    assigned = last.logits(sample).argmax(1)
    loss_of_run = float(np.square(embedded - _means(embedded, assigned, wanted)[assigned]).sum(1).mean())
    return Run(last, loss_of_run, history_of(values, NAMES, epoch), snapshots)


def _means(vectors: np.ndarray, labels: np.ndarray, clusters: int) -> np.ndarray:
    """The mean of each cluster, float32 (clusters, width); one that has no image stays at the origin."""
    means = np.zeros((clusters, vectors.shape[1]), np.float32)
    for cluster in np.unique(labels):
        means[cluster] = vectors[labels == cluster].mean(0)
    return means
