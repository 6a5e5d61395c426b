"""The settings of the supervised ceilings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.config.types import Count, NotNegative, Range


@dataclass(frozen=True)
class CeilingSettings:
    """The supervised ceilings; see `pipeline.evaluation.ceilings`."""

    folds: Annotated[int, Range(2)]
    penalty: NotNegative
    """Of the linear probe, a training image."""
    neighbours: Count
    seed: Annotated[int, Range(0)]
