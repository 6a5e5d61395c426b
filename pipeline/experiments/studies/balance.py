"""Figure 5: SCP with several weights of the balance term (lambda)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.types import Count, NotNegative
from pipeline.experiments.study import Variant, Variants, scp_alone

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.experiments.shown_split import Shown
    from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class Settings:
    """The weights, and how many runs with each."""

    runs: Count
    weights: tuple[NotNegative, ...]


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One for each weight, which is its name."""
    scp = scp_alone(fit, settings.runs)
    return [Variant(f"{weight:g}", scp, balance_weight=weight) for weight in settings.weights]


def table(cells: Sequence[Variants], *_: object) -> dict[str, str]:
    """Figure 5 as numbers: SCP with several weights of the balance term."""
    from pipeline.experiments.study_table import study_table

    return study_table("balance", cells, ["λ"], lambda name: [name])


def figures(by_name: Variants, _: Shown) -> dict[str, Figure]:
    """Figure 5: accuracy on the training split against the weight of the balance term."""
    from pipeline.experiments.study_curve import study_curve

    return {"balance": study_curve("balance", by_name, ["train"], "λ, weight of the balance term")}
