"""Label features, as DAC and DCCM have them: an image's probabilities as a vector of length 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from pipeline.heads.head import Head

SPREAD = 3.0
"""Times that the last layer's weights start larger: torch's vary by a third."""


def label_features(logits: torch.Tensor) -> torch.Tensor:
    """Of logits (batch, clusters), in the same shape."""
    return functional.normalize(logits.softmax(-1), dim=1)


def spread_head(dim: int, hidden: Sequence[int], clusters: int) -> Head:
    """A head whose logits vary from image to image by about 1 at the start (ours).

    Else the label features hardly differ at the start, and most clusters are lost within a few steps. DAC's authors
    normalise the logits over the batch.
    """
    head = Head(dim, hidden, clusters)
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(SPREAD)
        last.bias.zero_()
    return head
