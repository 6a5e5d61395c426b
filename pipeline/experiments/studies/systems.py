"""The objectives that no other study fits: not in the paper.

The stage `systems` sets them beside the leaderboard and the methods that read text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.experiments.study import MethodRuns, Variant, together

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings


Settings = MethodRuns


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One, of all methods, so that what several of them want of the embeddings is made once."""
    return [together(fit, settings)]
