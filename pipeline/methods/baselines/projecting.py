"""A cluster head that shows more than its logits: what objectives compare that contrast images or clusters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from pipeline.heads.head import Head


class Projecting(Head):
    """The five-layer head with a second last layer beside the one of the clusters.

    The methods whose networks have two heads share the backbone between them. Here they share the hidden layers, and
    the second head is one linear layer (ours).
    """

    def __init__(self, dim: int, hidden: Sequence[int], clusters: int, width: int | None) -> None:
        """Random weights.

        Args:
            dim: of the embeddings.
            hidden: widths of the hidden layers, at least one.
            clusters: number of clusters.
            width: of the projection; None: what is shown is the last hidden layer itself.
        """
        super().__init__(dim, hidden, clusters)
        self.clusters = clusters
        self.projection = nn.Identity() if width is None else nn.Linear(hidden[-1], width)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The logits and the projection side by side, (batch, clusters + width), of embeddings (batch, dim)."""
        hidden = self.features(embeddings)
        return torch.cat([self.layers[-1](hidden), self.projection(hidden)], 1)

    def split(self, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What `forward` gave as logits (batch, clusters) and projection (batch, width)."""
        return shown[:, : self.clusters], shown[:, self.clusters :]

    def plain(self) -> Head:
        """The cluster head alone, on the same parameters: what a run leaves."""
        with torch.device("meta"):
            head = Head(len(self.mean), self.hidden, self.clusters)
        own = head.state_dict().keys()
        head.load_state_dict({name: value for name, value in self.state_dict().items() if name in own}, assign=True)
        return head
