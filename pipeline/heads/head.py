"""The cluster head: an MLP, of five layers as the paper has it, from an embedding to the logits of k clusters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn.functional import normalize

Statistics = tuple[torch.Tensor, torch.Tensor]
"""The mean and the deviation of each dimension, float32 (dim,) each; one that never varies has the deviation 1."""


AT_A_TIME = 512
"""Embeddings whose sums are made together: their float64 copy stays in a processor's cache, 5 MB for 1,280 numbers."""


def statistics(embeddings: torch.Tensor, unit: bool = False) -> Statistics:
    """Of embeddings (..., dim), of any float type, or of these at length 1; no float64 copy of all is made."""
    return statistics_of([embeddings.reshape(-1, embeddings.shape[-1])], unit)


def statistics_of(blocks: Iterable[torch.Tensor], unit: bool = False) -> Statistics:
    """The same of blocks of embeddings, (n, dim) each, of which one at a time is needed."""
    count = 0
    total = squares = torch.zeros((), dtype=torch.float64)
    for part in (part for block in blocks for part in block.split(AT_A_TIME)):
        exact = normalize(part.double(), dim=1) if unit else part.double()
        count += len(exact)
        total = total.to(exact.device) + exact.sum(0)
        squares = squares.to(exact.device) + exact.square().sum(0)
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(0).sqrt()
    return mean.float(), torch.where(std > 1e-6, std, torch.ones_like(std)).float()


class Trainable(nn.Module, ABC):
    """What a training on pairs moves: a head, several, or a head with what is trained beside it."""

    @abstractmethod
    def standardise_by(self, given: Statistics) -> None:
        """Takes over the mean and deviation of each dimension."""


class Head(Trainable):
    """Linear, BatchNorm and ReLU for each hidden width, then a linear layer with one unit a cluster.

    Five layers and the softmax over the last are the paper's (section 3.2); widths, BatchNorm and the standardised
    input are ours. The statistics of the input are part of the head, so a saved head needs an embedding and nothing
    else.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, dim: int, hidden: Sequence[int], clusters: int, unit: bool = False) -> None:
        """A head with PyTorch's own start.

        Args:
            dim: of an embedding.
            hidden: widths of the layers before the last.
            clusters: units of the last.
            unit: bring embeddings to length 1 before they are standardised.
        """
        super().__init__()
        self.hidden, self.unit = tuple(hidden), unit
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))
        widths = [dim, *hidden]
        layers: list[nn.Module] = []
        for before, after in zip(widths, hidden, strict=False):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], clusters))

    def standardise_by(self, given: Statistics) -> None:
        """Takes over the mean and deviation of each dimension."""
        self.mean.copy_(given[0])
        self.std.copy_(given[1])

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The logits, (batch, clusters), of embeddings (batch, dim), float16 or float32."""
        logits: torch.Tensor = self.layers(self._standardised(embeddings))
        return logits

    def features(self, embeddings: torch.Tensor) -> torch.Tensor:
        """What the last layer gets, (batch, width), of embeddings (batch, dim)."""
        features: torch.Tensor = self.layers[:-1](self._standardised(embeddings))
        return features

    def _standardised(self, embeddings: torch.Tensor) -> torch.Tensor:
        if self.unit:
            embeddings = normalize(embeddings.float(), dim=-1)
        return (embeddings - self.mean).div_(self.std)


class Heads(Trainable):
    """Several heads of one shape on the same embeddings, each with its own start."""

    def __init__(self, count: int, dim: int, hidden: Sequence[int], clusters: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(dim, hidden, clusters) for _ in range(count))

    def __getitem__(self, number: int) -> Head:
        head = self.heads[number]
        assert isinstance(head, Head)
        return head

    def standardise_by(self, given: Statistics) -> None:
        """As `Head.standardise_by`, for all of them."""
        for number in range(len(self.heads)):
            self[number].standardise_by(given)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The logits of every head, (heads, batch, clusters), of embeddings (batch, dim)."""
        return torch.stack([head(embeddings) for head in self.heads])
