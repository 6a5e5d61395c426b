"""Table 4: SCP with every set of its terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from pipeline.config.names import TERMS
from pipeline.config.types import Count
from pipeline.experiments.study import SCP, Variant, Variants, scp_alone

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings

TERM_SETS = tuple(chosen for size in range(1, len(TERMS) + 1) for chosen in combinations(TERMS, size))
"""Every set of SCP's terms, the smallest first."""


@dataclass(frozen=True)
class Settings:
    """How often each set is fitted."""

    runs: Count


def term_set_name(terms: Sequence[str]) -> str:
    """The variant of a set of terms, such as ``consistency+balance``."""
    return "+".join(terms)


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One for each set of terms."""
    scp = scp_alone(fit, settings.runs)
    return [Variant(term_set_name(terms), scp.with_section(SCP, terms=terms)) for terms in TERM_SETS]


def table(cells: Sequence[Variants], *_: object) -> dict[str, str]:
    """Table 4: SCP with every set of its terms."""
    from pipeline.experiments.study_table import study_table

    marks = {term_set_name(terms): terms for terms in TERM_SETS}
    return study_table("ablation", cells, list(TERMS), lambda name: ["✓" if t in marks[name] else "" for t in TERMS])
