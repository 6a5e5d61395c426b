"""SCP on the first K cached views, for several K: not in the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pipeline.config.types import Count, Range
from pipeline.experiments.study import Variant, Variants, scp_alone

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.config.settings import ExtractSettings
    from pipeline.experiments.shown_split import Shown
    from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class Settings:
    """The numbers of views, and how many runs with each."""

    runs: Count
    views: tuple[Annotated[int, Range(2)], ...]


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One for each K, which is its name."""
    return [Variant(str(views), scp_alone(fit, settings.runs), views=views) for views in settings.views]


def extract_settings(extract: ExtractSettings, settings: Settings) -> ExtractSettings:
    """A cache of as many views as the largest K."""
    return replace(extract, views=max(settings.views))


def table(cells: Sequence[Variants], *_: object) -> dict[str, str]:
    """SCP on the first K cached views."""
    from pipeline.experiments.study_table import study_table

    return study_table("views", cells, ["K"], lambda name: [name])


def figures(by_name: Variants, shown: Shown) -> dict[str, Figure]:
    """Accuracy against the number of cached views."""
    from pipeline.experiments.study_curve import study_curve

    return {"views": study_curve("views", by_name, [shown.split], "K, augmented views an image")}
