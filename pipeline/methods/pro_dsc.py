"""PRO-DSC (Meng et al., Exploring a Principled Framework for Deep Subspace Clustering, ICLR 2025).

The embeddings are mapped so that each is a combination of others like it, while all together spread over as many
dimensions as they can (the coding rate), and the affinities between them fall into as many blocks as there are
clusters. The clusters are those of the affinities' spectrum.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import scipy.linalg
import torch
from torch import nn
from torch.nn import functional

from pipeline.config.types import Count, NotNegative, Range, Share
from pipeline.heads import pairs
from pipeline.heads.head import statistics
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.training import ROWS, TOTAL, Progress, seeded

NAMES = ("rate", "expression", "blocks", TOTAL)
SHOWN = 20
"""Steps that a row of the history is the mean of."""
LEAST = 1e-12
"""The least affinity that has a logarithm."""


class Net(nn.Module):
    """Two layers, and on them two linear maps to vectors of length 1: the structured embedding, and what affinities are
    made from. The input standardised per dimension is ours.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, dim: int, hidden: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.structure = nn.Linear(hidden, width)
        self.affinity = nn.Linear(hidden, width)

    def forward(self, embeddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both vectors of embeddings (batch, dim), (batch, width) each."""
        shared = self.layers((embeddings - self.mean) / self.std)
        return functional.normalize(self.structure(shared), dim=1), functional.normalize(self.affinity(shared), dim=1)


def coding_rate(vectors: torch.Tensor, distortion: float) -> torch.Tensor:
    """Half the log determinant of 1 + width / (batch distortion) Z^T Z: how far vectors (batch, width) spread."""
    batch, width = vectors.shape
    gram = vectors.T @ vectors * (width / (batch * distortion))
    rate: torch.Tensor = torch.linalg.slogdet(torch.eye(width, device=vectors.device) + gram).logabsdet / 2
    return rate


def coefficients(vectors: torch.Tensor, temperature: float, projections: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How much each image takes from each other one, and the affinities, (batch, batch) both.

    The affinities are the absolute cosines after a softmax with a temperature, whose rows and columns are brought to
    the sum 1 in turn (Sinkhorn), without the diagonal and made symmetric; the coefficients have the cosines' signs.

    Args:
        vectors: (batch, width) of length 1.
        temperature: of the softmax.
        projections: of rows and columns in turn; 1: the rows alone.
    """
    cosines = vectors @ vectors.T
    logs = cosines.abs() / temperature
    for number in range(projections):
        logs = logs.log_softmax(-1 if number % 2 == 0 else -2)
    others = logs.exp() * (1 - torch.eye(len(vectors), device=vectors.device))
    affinities = (others + others.T) / 2
    return cosines.sign() * affinities, affinities


def terms_of(
    structure: torch.Tensor, affinity: torch.Tensor, clusters: int, settings: Settings
) -> dict[str, torch.Tensor]:
    """The three terms of PRO-DSC's objective for a batch, and their total, rate negative.

    - ``rate``: see `coding_rate`; it is to be large;
    - ``expression``: half the mean squared error of each vector by its combination of the others;
    - ``blocks``: the sum of the Laplacian's least eigenvalues, one a cluster, by the batch (BDR, Lu et al., 2019): 0
      where the affinities fall into so many blocks.

    Args:
        structure: (batch, width) of length 1.
        affinity: the same of the other map.
        clusters: number of blocks.
        settings: weights, temperature, projections and distortion.
    """
    taken, affinities = coefficients(affinity, settings.temperature, settings.projections)
    laplacian = torch.diag(affinities.sum(1)) - affinities
    terms = {
        "rate": coding_rate(structure, settings.distortion),
        "expression": (structure - taken.T @ structure).square().sum() / (2 * len(structure)),
        "blocks": torch.linalg.eigvalsh(laplacian)[:clusters].sum() / len(structure),
    }
    weighted = settings.expression_weight * terms["expression"] + settings.block_weight * terms["blocks"]
    return {**terms, TOTAL: weighted - terms["rate"]}


def spectral_clusters(affinities: np.ndarray, clusters: int) -> np.ndarray:
    """Clusters by the leading eigenvectors of the normalised affinities, int (n,).

    They are read off by a pivoted QR factorisation, which needs no start and no seed (Damle, Minden and Ying, Simple,
    direct and efficient multi-way spectral clustering, 2019); the authors use k-means.

    Args:
        affinities: float (n, n), symmetric, not negative.
        clusters: at most n.
    """
    scale = 1 / np.sqrt(np.maximum(affinities.sum(1), LEAST))
    normalised = affinities.astype(np.float64) * scale * scale[:, None]
    count = len(affinities)
    _, vectors = scipy.linalg.eigh(normalised, subset_by_index=[count - clusters, count - 1])
    _, pivots = scipy.linalg.qr(vectors.T, mode="r", pivoting=True)
    left, _, right = np.linalg.svd(vectors[pivots[:clusters]].T)
    found: np.ndarray = np.abs(vectors @ (left @ right)).argmax(1)
    return found


@dataclass(frozen=True)
class Settings:
    """PRO-DSC's net, objective and training."""

    hidden: Count
    width: Count
    """Of the structured embedding, and of what the affinities are made from."""
    warmup: Annotated[int, Range(0)]
    """Steps that raise the coding rate alone."""
    steps: Count
    """After them."""
    batch: Annotated[int, Range(2)]
    learning_rate: Annotated[float, Range(1e-8)]
    momentum: Share
    weight_decay: NotNegative
    affinity_weight_decay: NotNegative
    """Of the map that affinities are made from."""
    expression_weight: NotNegative
    """Gamma."""
    block_weight: NotNegative
    """Beta."""
    temperature: Annotated[float, Range(0.01)]
    projections: Count
    distortion: Annotated[float, Range(0.0001)]
    """Epsilon squared of the coding rate."""
    sample: Annotated[int, Range(2)]
    """Images whose affinities are clustered; all others follow them."""


@dataclass(frozen=True)
class Subspaces:
    """The model: an image belongs to the cluster whose images it has the largest mean squared cosine with (ours).

    So new images are assigned too, and the images of a collection of any size from a sample's spectral clustering.
    """

    net: Net
    means: np.ndarray
    """float32 (clusters, width, width): the mean outer product of a cluster's vectors."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The logarithms of the mean squared cosines."""
        vectors = vectors_of(self.net, embeddings)
        squares = np.stack([((vectors @ mean) * vectors).sum(1) for mean in self.means], 1)
        logits: np.ndarray = np.log(np.maximum(squares, LEAST)).astype(np.float32)
        return logits

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """The shares of the mean squared cosines."""
        shares: np.ndarray = torch.from_numpy(logits).softmax(-1).numpy()
        return shares

    def config(self) -> dict[str, Any]:
        """Nothing: the tensors' shapes say it all."""
        return {}

    def tensors(self) -> dict[str, np.ndarray]:
        """The net's parameters and statistics, and the clusters' means."""
        state = {f"net.{name}": value.detach().cpu().numpy() for name, value in self.net.state_dict().items()}
        return {**state, "means": self.means}


@torch.inference_mode()
def vectors_of(net: Net, embeddings: np.ndarray) -> np.ndarray:
    """What affinities are made from, float32 (n, width), of embeddings (n, dim)."""
    blocks = torch.from_numpy(np.ascontiguousarray(embeddings)).split(ROWS)
    return np.concatenate([net(block.to(net.mean.device).float())[1].cpu().numpy() for block in blocks])


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Subspaces:
    """The model from its saved tensors."""
    state = {name[4:]: torch.from_numpy(value) for name, value in tensors.items() if name.startswith("net.")}
    width, hidden = state["affinity.weight"].shape
    net = Net(len(state["mean"]), hidden, width)
    net.load_state_dict(state)
    return Subspaces(net.eval(), tensors["means"])


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One net for each seed; a run's loss is the mean of the objective over the steps after the warm-up (ours)."""
    data = torch.from_numpy(np.ascontiguousarray(problem.views[:, 0])).to(problem.device)
    given = statistics(data)

    def train(seed: int, progress: Progress) -> Run:
        return _train(problem, data, given, seed, progress)

    yield from each_seed(problem, seeds, train)


def _train(
    problem: Problem, data: torch.Tensor, given: tuple[torch.Tensor, torch.Tensor], seed: int, progress: Progress
) -> Run:
    settings, clusters = problem.settings.section("pro_dsc", Settings), problem.dataset.clusters
    images, dim = data.shape
    with seeded(seed):
        net = Net(dim, settings.hidden, settings.width)
    net.mean.copy_(given[0])
    net.std.copy_(given[1])
    net = net.to(data.device).train()
    groups = [
        {"params": [*net.layers.parameters(), *net.structure.parameters()], "weight_decay": settings.weight_decay},
        {"params": [*net.affinity.parameters()], "weight_decay": settings.affinity_weight_decay},
    ]
    optimiser = torch.optim.SGD(groups, settings.learning_rate, settings.momentum)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(images, generator=generator)[: settings.sample]
    sample = data[chosen.to(data.device)].cpu().numpy()
    values = torch.empty(settings.steps, len(NAMES), device=data.device)
    snapshots: dict[int, Model] = {}

    def model() -> Subspaces:
        frozen = copy.deepcopy(net).eval()
        vectors = vectors_of(frozen, sample)
        found = spectral_clusters(np.abs(vectors @ vectors.T), clusters)
        means = np.zeros((clusters, settings.width, settings.width), np.float32)
        for cluster in np.unique(found):
            members = vectors[found == cluster]
            means[cluster] = members.T @ members / len(members)
        return Subspaces(frozen, means)

    steps = settings.warmup + settings.steps
    for step, rows in enumerate(pairs.image_batches(images, min(settings.batch, images), steps, generator)):
        progress(step, steps, step % SHOWN == 0)
        if step in problem.steps:
            snapshots[step] = model()
        structure, affinity = net(data[rows.to(data.device)].float())
        optimiser.zero_grad()
        if step < settings.warmup:
            (-coding_rate(structure, settings.distortion)).backward()
        else:
            terms = terms_of(structure, affinity, clusters, settings)
            terms[TOTAL].backward()
            values[step - settings.warmup] = torch.stack([terms[name] for name in NAMES]).detach()
        optimiser.step()
        if step + 1 == settings.warmup:
            net.affinity.load_state_dict(net.structure.state_dict())

    history = []
    for first in range(0, settings.steps, SHOWN):
        part = values[first : first + SHOWN]
        means = dict(zip(NAMES, part.mean(0).tolist(), strict=True))
        history.append({"step": float(settings.warmup + first + len(part)), **means})
    return Run(model(), float(values[:, NAMES.index(TOTAL)].double().mean()), history, snapshots)
