"""The objectives that no other study fits: not in the paper.

The stage `systems` sets them beside the leaderboard and the methods that read text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.experiments.study import MethodRuns, Variant, together
from pipeline.heads.method import section_of

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings

ON = "on-"
"""How the variants on pairs of one kind begin; the kind follows."""


@dataclass(frozen=True)
class Settings(MethodRuns):
    """Which methods, how often, and on which pairs beside those that each paper has."""

    pairs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """A kind of pairs, and the methods that are fitted on these too."""


def titled(title: str, variant: str) -> str:
    """A method's title, with its pairs where they are not its own."""
    return f"{title}, pairs: {variant.removeprefix(ON)}" if variant.startswith(ON) else title


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One of all methods, so that what several want of the embeddings is made once, and one for each kind of pairs."""
    found = [together(fit, settings)]
    for kind, names in settings.pairs.items():
        on = replace(fit, methods=names, runs=settings.runs)
        for name in names:
            on = on.with_section(section_of(name), pairs=kind)
        found.append(Variant(f"{ON}{kind}", on))
    return found
