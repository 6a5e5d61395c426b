"""SIC (Cai, Qiu, Chen, Zhang and Zhang, Semantic-Enhanced Image Clustering, AAAI 2023). It reads WordNet's nouns.

A linear head learns from each image's neighbours, and from the nouns: each epoch gives every cluster the mean of the
nouns that are near its surest images, and every image the cluster whose nouns it is nearest to as its pseudo-label. The
head reads no text when it predicts.

Left out: the authors stop on the accuracy of the test split; here the epochs are fixed. Ours: neighbours are those by
the cosine, and do not count the image itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch.nn import functional

from pipeline.base.errors import PipelineError
from pipeline.config.types import Count, NotNegative, Range, Share
from pipeline.features.lengths import unit_length
from pipeline.features.nouns import SYNSETS
from pipeline.heads import pairs
from pipeline.heads.head import Head
from pipeline.heads.objectives import scan_terms
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.training import TOTAL, HeadModel, Progress, history_of, restore_head, seeded
from pipeline.methods.kmeans import Settings as KmeansSettings
from pipeline.methods.kmeans import best_centroids

restore = restore_head

NAMES = ("consistency", "entropy", "meaning", TOTAL)


@dataclass(frozen=True)
class Settings:
    """SIC's nouns, objective and training."""

    starts: Count = 20
    """Paper: of the k-means whose centres choose the nouns."""
    iterations: Count = 100
    """Ours, as k-means has it, and the next."""
    tolerance: Share = 0.0001
    nouns_per_centre: Count = 500
    """Paper: the nearest; 300 on ImageNet."""
    most_common: Annotated[float, Range(-1, 1)] = 0.95
    """Paper: a noun nearer to the mean of all is left out; 0.9 on ImageNet."""
    from_centres: bool = False
    """Paper: whether the head starts from the centres, as on ImageNet."""
    start_scale: Annotated[float, Range(0.0001)] = 0.05
    """Paper: alpha, of such a start."""
    surest: Annotated[float, Range(0.01, 1)] = 0.9
    """Paper: of an even share of the images, those that make a cluster's centre; 0.5 on ImageNet."""
    nouns_per_cluster: Count = 30
    """Paper: whose mean is what a cluster means; 20 on ImageNet."""
    neighbours: Count = 20
    """Paper: of an image, of which one is drawn a step."""
    entropy_weight: NotNegative = 5.0
    """Paper."""
    meaning_weight: NotNegative = 0.1
    """Paper: lambda, of the pseudo-labels; 1 on ImageNet."""
    epochs: Count = 100
    """Paper: at most."""
    batch: Annotated[int, Range(2)] = 128
    """Paper; 4096 on ImageNet."""
    learning_rate: Annotated[float, Range(1e-8)] = 0.0001
    """Paper, of Adam; 0.0003 on ImageNet."""
    weight_decay: NotNegative = 0.0001
    """Paper; 0.009 on ImageNet-Dogs."""


def chosen_nouns(nouns: np.ndarray, centres: np.ndarray, count: int, most_common: float) -> np.ndarray:
    """Which nouns are among the nearest of some centre and not too near to the mean of all, int64 (chosen,), in order.

    Args:
        nouns: float32 (n, dim) of length 1.
        centres: float32 (clusters, dim), compared by the cosine.
        count: the nearest of each centre.
        most_common: cosine to the mean, from which on a noun is left out.
    """
    cosines = nouns @ unit_length(centres).T
    nearest = np.argsort(-cosines, axis=0, kind="stable")[:count]
    rare = nouns @ unit_length(nouns.mean(0)) < most_common
    chosen: np.ndarray = np.unique(nearest[rare[nearest]])
    return chosen


def meanings(data: torch.Tensor, logits: torch.Tensor, nouns: torch.Tensor, settings: Settings) -> torch.Tensor:
    """What the clusters mean: of each the mean of the nouns nearest to its surest images' mean, (clusters, dim).

    Args:
        data: (images, dim), the embeddings as they are.
        logits: (images, clusters), of the head now.
        nouns: (n, dim) of length 1, those chosen.
        settings: how many images and nouns.
    """
    count = max(int(settings.surest * len(data) / logits.shape[1]), 1)
    surest = logits.topk(count, dim=0).indices
    centres = functional.normalize(data[surest].mean(0), dim=1)
    nearest = (centres @ nouns.T).topk(min(settings.nouns_per_cluster, len(nouns)), dim=1).indices
    return nouns[nearest].mean(1)


def sic_terms(
    logits: torch.Tensor, near_logits: torch.Tensor, pseudo: torch.Tensor, settings: Settings
) -> dict[str, torch.Tensor]:
    """The terms of SIC's objective for a batch, and their total, entropy negative.

    - ``consistency``, ``entropy``: SCAN's, of images and a neighbour of each;
    - ``meaning``: the cross entropy of the images and their pseudo-labels.

    Args:
        logits: (batch, clusters).
        near_logits: the same of the neighbours.
        pseudo: int64 (batch,), the pseudo-labels.
        settings: both weights.
    """
    terms = {**scan_terms(logits, near_logits), "meaning": functional.cross_entropy(logits, pseudo)}
    weighted = settings.meaning_weight * terms["meaning"] - settings.entropy_weight * terms["entropy"]
    return {**terms, TOTAL: terms["consistency"] + weighted}


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One head for each seed; a run's loss is the mean of the objective over its steps (ours).

    Raises:
        PipelineError: if the nouns cannot be read, or none is left.
    """
    settings = problem.settings.section("sic", Settings)
    images = np.ascontiguousarray(problem.views[:, 0].astype(np.float32))
    nouns, near = problem.nouns(SYNSETS), torch.from_numpy(problem.near.nearest(settings.neighbours)[0])

    def train(seed: int, progress: Progress) -> Run:
        return _train(problem, settings, images, nouns, near, seed, progress)

    yield from each_seed(problem, seeds, train)


def _train(
    problem: Problem,
    settings: Settings,
    images: np.ndarray,
    nouns: np.ndarray,
    near: torch.Tensor,
    seed: int,
    progress: Progress,
) -> Run:
    clusters, device = problem.dataset.clusters, problem.device
    given = KmeansSettings(settings.starts, settings.iterations, settings.tolerance)
    centres, _ = best_centroids(images, clusters, given, seed)
    chosen = nouns[chosen_nouns(nouns, centres, settings.nouns_per_centre, settings.most_common)]
    if not len(chosen):
        raise PipelineError(
            f"sic: expected nouns with a cosine to their mean below {settings.most_common}, found none; raise "
            "fit.sic.most_common in params.yaml"
        )
    with seeded(seed):
        head = Head(images.shape[1], (), clusters)
    if settings.from_centres:
        _start(head, torch.from_numpy(centres), settings.start_scale)
    head = head.to(device).train()
    data, texts = torch.from_numpy(images).to(device), torch.from_numpy(chosen).to(device)
    optimiser = torch.optim.Adam(
        head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    batch = min(settings.batch, len(data))
    epoch = -(-len(data) // batch)
    steps = settings.epochs * epoch
    values = torch.empty(steps, len(NAMES), device=device)
    snapshots: dict[int, Model] = {}
    for step, rows in enumerate(pairs.image_batches(len(data), batch, steps, generator)):
        progress(step, steps, step % epoch == 0)
        if step in problem.steps:
            snapshots[step] = HeadModel(copy.deepcopy(head))
        if step % epoch == 0:
            with torch.no_grad():
                pseudo = (data @ meanings(data, head(data), texts, settings).T).argmax(1)
        drawn = near[rows, torch.randint(near.shape[1], (batch,), generator=generator)]
        own, others = rows.to(device), drawn.to(device)
        terms = sic_terms(head(data[own]), head(data[others]), pseudo[own], settings)
        optimiser.zero_grad()
        terms[TOTAL].backward()
        optimiser.step()
        values[step] = torch.stack([terms[name] for name in NAMES]).detach()
    loss = float(values[:, NAMES.index(TOTAL)].double().mean())
    return Run(HeadModel(head), loss, history_of(values, NAMES, epoch), snapshots)


@torch.no_grad()
def _start(head: Head, centres: torch.Tensor, scale: float) -> None:
    """Logits that fall with the squared distance to each centre: W = 2 alpha mu, b = -alpha |mu|^2."""
    (last,) = head.layers
    assert isinstance(last, torch.nn.Linear)
    last.weight.copy_(2 * scale * centres)
    last.bias.copy_(-scale * centres.square().sum(1))
