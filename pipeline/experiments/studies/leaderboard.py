"""Every method on the same cache: not in the paper. What comes out is compared by the stage `compare`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pipeline.config.types import Count, Range
from pipeline.experiments.study import SCP, Variant
from pipeline.heads.settings import Pairs

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings

OTHERS = "others"
"""The variant with all methods but SCP."""
ON_PAIRS = "scp-"
"""How the others' names begin; the kind of pairs follows."""
PAPERS = f"{ON_PAIRS}views"
"""SCP as the paper has it."""


@dataclass(frozen=True)
class Settings:
    """Which methods, how often, and the criteria that their runs are judged by."""

    runs: Count
    methods: tuple[str, ...]
    pairs: tuple[Pairs, ...]
    """What SCP is fitted with, beside the methods."""
    neighbours: Count
    """Of an image, for the criterion that asks whether it shares its cluster with them."""
    silhouette_images: Annotated[int, Range(10)]
    """A sample of so many for the silhouette."""
    seed: Annotated[int, Range(0)]


def titled(title: str, variant: str) -> str:
    """A method's title, for SCP with what it was fitted with."""
    return f"{title}, pairs: {variant.removeprefix(ON_PAIRS)}" if variant.startswith(ON_PAIRS) else title


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """SCP with each kind of pairs, and all other methods together."""
    fit = replace(fit, runs=settings.runs)
    scp = replace(fit, methods=(SCP,))
    by_pairs = [Variant(f"{ON_PAIRS}{kind}", scp.with_section(SCP, pairs=kind)) for kind in settings.pairs]
    return [*by_pairs, Variant(OTHERS, replace(fit, methods=settings.methods))]
