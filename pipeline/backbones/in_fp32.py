"""Which convolutions stay in float32 where all else is computed in bf16."""

from __future__ import annotations

PIXELS = 3
"""Channels of a picture: a convolution that reads no more stays in float32."""
BOTTLENECK = 16
"""Channels of which a convolution that leaves no more stays in float32."""
