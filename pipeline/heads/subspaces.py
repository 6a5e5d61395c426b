"""What PRO-DSC and CPP have in common: a net with two maps of length 1, its training, and the model that it leaves.

One map spreads over as many dimensions as it can (the coding rate), the other says how much images belong together.
The clusters are those of these affinities' spectrum.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pipeline.config.types import Count, NotNegative, Range, Share
from pipeline.heads import pairs
from pipeline.heads.head import Statistics, statistics
from pipeline.heads.problem import Model, Problem, Run
from pipeline.heads.runs import each_seed
from pipeline.heads.spectrum import spectral_clusters
from pipeline.heads.training import ROWS, TOTAL, Progress, seeded

SHOWN = 20
"""Steps that a row of the history is the mean of."""
LEAST = 1e-12
"""The least mean squared cosine that has a logarithm."""


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


def memberships(codes: torch.Tensor, temperature: float, projections: int) -> torch.Tensor:
    """How much the images belong together: the exponentials of the absolute cosines by the temperature, their rows and
    columns brought to the sum 1 in turn (Sinkhorn, in the log domain).

    Args:
        codes: (n, width) of length 1.
        temperature: eta.
        projections: of rows and columns in turn, rows first; 1: a softmax of the rows.

    Returns:
        (n, n); those that were brought to it last have the sum 1, the others nearly.
    """
    logs = (codes @ codes.T).abs() / temperature
    for number in range(projections):
        logs = logs.log_softmax(-1 if number % 2 == 0 else -2)
    return logs.exp()


def coding_rate(vectors: torch.Tensor, distortion: float) -> torch.Tensor:
    """Half the log determinant of 1 + width / (batch distortion) Z^T Z: how far vectors (batch, width) spread."""
    batch, width = vectors.shape
    gram = vectors.T @ vectors * (width / (batch * distortion))
    rate: torch.Tensor = torch.linalg.slogdet(torch.eye(width, device=vectors.device) + gram).logabsdet / 2
    return rate


@dataclass(frozen=True)
class NetSettings:
    """The net, and its training by SGD."""

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


@dataclass(frozen=True)
class Objective:
    """What a training minimises, and how its images are clustered in the end."""

    names: tuple[str, ...]
    """The terms."""
    distortion: float
    """Of the coding rate that the warm-up raises."""
    terms: Callable[[torch.Tensor, torch.Tensor], dict[str, torch.Tensor]]
    """Makes them of both vectors of a batch, (batch, width) each; `TOTAL` is minimised."""
    sample: int
    """Images whose affinities are clustered; all others follow them."""
    affinities: Callable[[np.ndarray], np.ndarray]
    """Makes them, float (n, n), of the vectors (n, width) of the second map."""


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
def both_vectors(net: Net, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both vectors of embeddings (n, dim), float32 (n, width) each; see `Net`."""
    blocks = torch.from_numpy(np.ascontiguousarray(embeddings)).split(ROWS)
    found = [net(block.to(net.mean.device).float()) for block in blocks]
    structure, affinity = (np.concatenate([each[number].cpu().numpy() for each in found]) for number in range(2))
    return structure, affinity


def vectors_of(net: Net, embeddings: np.ndarray) -> np.ndarray:
    """What affinities are made from, float32 (n, width), of embeddings (n, dim)."""
    return both_vectors(net, embeddings)[1]


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Subspaces:
    """The model from its saved tensors."""
    state = {name[4:]: torch.from_numpy(value) for name, value in tensors.items() if name.startswith("net.")}
    width, hidden = state["affinity.weight"].shape
    net = Net(len(state["mean"]), hidden, width)
    net.load_state_dict(state)
    return Subspaces(net.eval(), tensors["means"])


def fit_nets(problem: Problem, seeds: list[int], settings: NetSettings, objective: Objective) -> Iterator[Run]:
    """One net for each seed; a run's loss is the mean of the objective over the steps after the warm-up (ours)."""
    data = torch.from_numpy(np.ascontiguousarray(problem.views[:, 0])).to(problem.device)
    given = statistics(data)

    def train(seed: int, progress: Progress) -> Run:
        return _train(problem, settings, objective, data, given, seed, progress)

    yield from each_seed(problem, seeds, train)


def _train(
    problem: Problem,
    settings: NetSettings,
    objective: Objective,
    data: torch.Tensor,
    given: Statistics,
    seed: int,
    progress: Progress,
) -> Run:
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
    chosen = torch.randperm(images, generator=generator)[: objective.sample]
    sample = data[chosen.to(data.device)].cpu().numpy()
    values = torch.empty(settings.steps, len(objective.names), device=data.device)
    snapshots: dict[int, Model] = {}

    def model() -> Subspaces:
        frozen = copy.deepcopy(net).eval()
        return clustered(frozen, sample, objective.affinities, problem.dataset.clusters)

    steps = settings.warmup + settings.steps
    for step, rows in enumerate(pairs.image_batches(images, min(settings.batch, images), steps, generator)):
        progress(step, steps, step % SHOWN == 0)
        if step in problem.steps:
            snapshots[step] = model()
        structure, affinity = net(data[rows.to(data.device)].float())
        optimiser.zero_grad()
        if step < settings.warmup:
            (-coding_rate(structure, objective.distortion)).backward()
        else:
            terms = objective.terms(structure, affinity)
            terms[TOTAL].backward()
            values[step - settings.warmup] = torch.stack([terms[name] for name in objective.names]).detach()
        optimiser.step()
        if step + 1 == settings.warmup:
            net.affinity.load_state_dict(net.structure.state_dict())

    history = []
    for first in range(0, settings.steps, SHOWN):
        part = values[first : first + SHOWN]
        means = dict(zip(objective.names, part.mean(0).tolist(), strict=True))
        history.append({"step": float(settings.warmup + first + len(part)), **means})
    total = values[:, objective.names.index(TOTAL)]
    return Run(model(), float(total.double().mean()), history, snapshots)


def clustered(net: Net, sample: np.ndarray, affinities: Callable[[np.ndarray], np.ndarray], clusters: int) -> Subspaces:
    """The model of a net, in eval mode, by the spectral clusters of a sample (n, dim)."""
    vectors = vectors_of(net, sample)
    found = spectral_clusters(affinities(vectors), clusters)
    means = np.zeros((clusters, vectors.shape[1], vectors.shape[1]), np.float32)
    for cluster in np.unique(found):
        members = vectors[found == cluster]
        means[cluster] = members.T @ members / len(members)
    return Subspaces(net, means)
