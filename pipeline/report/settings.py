"""The settings of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.config.types import Count, Range


@dataclass(frozen=True)
class MetricsSettings:
    """What the page shows."""

    map_images: Annotated[int, Range(10)]
    """Images of the test split in the two-dimensional map."""
    strip_images: Count
    """Most typical and most uncertain images shown for each cluster."""
    seed: Annotated[int, Range(0)]
