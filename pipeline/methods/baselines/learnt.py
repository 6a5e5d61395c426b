"""The model of methods that learn an embedding and cluster it afterwards: a net, and the nearest centroid behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.training import restore_head
from pipeline.methods.kmeans import Centroids, best_centroids, normalise
from pipeline.methods.kmeans import Settings as KmeansSettings

CENTROIDS = "centroids"
SAMPLE = 16_384
"""Embeddings that k-means is given where they come from a stream."""


@dataclass(frozen=True)
class Learnt:
    """A net from an embedding to one of its own, and the centroids that k-means found among these at length 1."""

    net: Model
    centroids: Centroids

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """See `Centroids`, of what the net makes of the embeddings."""
        return self.centroids.logits(self.net.logits(embeddings))

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """See `Centroids`."""
        return self.centroids.confidences(logits)

    def config(self) -> dict[str, Any]:
        """That of the net."""
        return self.net.config()

    def tensors(self) -> dict[str, np.ndarray]:
        """The net's parameters, and the centroids."""
        return {**self.net.tensors(), CENTROIDS: self.centroids.centroids}


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Learnt:
    """The model from its saved numbers."""
    net = {name: value for name, value in tensors.items() if name != CENTROIDS}
    return Learnt(restore_head(config, net), Centroids(tensors[CENTROIDS]))


def clustered(
    problem: Problem, seeds: list[int], train: Callable[[Problem, list[int]], Iterator[Run]]
) -> Iterator[Run]:
    """The runs of nets, each with the k-means of the clean embeddings as its net has them; see `_rows`.

    Nobody is told of a run before that, as it has no clusters yet.

    Args:
        problem: with the settings of k-means.
        seeds: of the runs.
        train: makes the nets.
    """
    settings, clusters = problem.settings.section("kmeans", KmeansSettings), problem.dataset.clusters
    rows = _rows(problem)

    def found(net: Model, seed: int) -> Learnt:
        centroids, _ = best_centroids(normalise(net.logits(rows)), clusters, settings, seed)
        return Learnt(net, Centroids(centroids))

    for seed, run in zip(seeds, train(replace(problem, ended=lambda *_: None), seeds), strict=True):
        snapshots: dict[int, Model] = {step: found(net, seed) for step, net in run.snapshots.items()}
        yield replace(run, model=found(run.model, seed), snapshots=snapshots)


def _rows(problem: Problem) -> np.ndarray:
    """The clean embeddings, (n, dim); of a stream, which gives none, `SAMPLE` augmented ones."""
    if problem.stream is None:
        return problem.views[:, 0]
    count = min(SAMPLE, problem.stream.images)
    ones, _ = next(problem.stream.pairs(count, 1, torch.Generator().manual_seed(0)))
    rows: np.ndarray = ones.numpy()
    return rows
