"""SCP and k-means beside TAC and SIC, which read WordNet's nouns, on the same embeddings: not in the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.config.types import Count
from pipeline.experiments.study import Variant, Variants

if TYPE_CHECKING:
    from pipeline.heads.method import Methods
    from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class Settings:
    """Which methods, and how often."""

    runs: Count
    methods: tuple[str, ...]


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One for each method, which is its name."""
    return [Variant(name, replace(fit, runs=settings.runs, methods=(name,))) for name in settings.methods]


def table(cells: Sequence[Variants], _: Sequence[Variants], methods: Methods) -> dict[str, str]:
    """The methods, those that read text marked."""
    from pipeline.experiments.study_table import study_table

    found = [by_name for by_name in cells if by_name]
    return study_table("text-guided", found, ["method"], lambda name: [methods[name].marked])
