"""A head and a part that is trained beside it and left behind: a second projection, or a discriminator."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.heads.head import Head, Statistics, Trainable


class HeadBeside(Trainable):
    """A head and a part; called, it gives the head's logits."""

    def __init__(self, head: Head, part: nn.Module) -> None:
        super().__init__()
        self.head = head
        self.part = part

    def standardise_by(self, given: Statistics) -> None:
        """As `Head.standardise_by`."""
        self.head.standardise_by(given)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """The logits, (batch, clusters), of embeddings (batch, dim)."""
        logits: torch.Tensor = self.head(embeddings)
        return logits


class Trunk(nn.Module):
    """All layers of a head but the last."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """What the last layer gets, (batch, width), of embeddings (batch, dim)."""
        return self.head.features(embeddings)
