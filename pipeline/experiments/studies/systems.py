"""The objectives that no other study fits: not in the paper.

The stage `systems` sets them beside the leaderboard and the methods that read text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.config.types import Count
from pipeline.experiments.study import Variant

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class Settings:
    """Which methods, and how often."""

    runs: Count
    methods: tuple[str, ...]


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One, of all methods, so that what several of them want of the embeddings is made once."""
    return [Variant("all", replace(fit, methods=settings.methods, runs=settings.runs))]
