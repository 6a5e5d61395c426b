"""The studies: experiments on a cell that vary one thing and leave all else as params.yaml has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from pipeline.base.errors import unknown
from pipeline.config.names import TERMS
from pipeline.config.settings import ExtractSettings
from pipeline.experiments.settings import Settings
from pipeline.heads.settings import FitSettings

TERM_SETS = tuple(chosen for size in range(1, len(TERMS) + 1) for chosen in combinations(TERMS, size))
"""Every set of SCP's terms, the smallest first."""


OTHERS = "others"
"""The variant of the leaderboard with all methods but SCP."""


@dataclass(frozen=True)
class Variant:
    """One setting of a study."""

    name: str
    """Its folder."""
    fit: FitSettings
    balance_weight: float | None = None
    """In place of the data set's own."""
    views: int | None = None
    """Use the first so many augmented views of the cache alone."""
    steps: tuple[int, ...] = ()
    """Keep the heads of these training steps too."""


@dataclass(frozen=True)
class Study:
    """An experiment beside the main graph."""

    title: str
    source: str
    """What of the paper it repeats, or ``ours``."""
    variants: Callable[[Settings], list[Variant]]
    text: bool = False
    """Whether it reads class names: `pipeline zero-shot` fits it, on backbones with a text tower alone."""
    extract: Callable[[Settings], ExtractSettings] | None = None
    """The settings of a cache of its own; None: the cells' own caches serve."""


def term_set_name(terms: Sequence[str]) -> str:
    """The variant of a set of terms, such as ``consistency+balance``."""
    return "+".join(terms)


def _repeats(settings: Settings) -> list[Variant]:
    study = settings.studies.repeats
    return [Variant("all", replace(settings.fit, methods=study.methods, runs=study.runs))]


def _ablation(settings: Settings) -> list[Variant]:
    fit = _scp(settings, settings.studies.ablation.runs)
    return [Variant(term_set_name(terms), fit.with_section("scp", terms=terms)) for terms in TERM_SETS]


def _balance(settings: Settings) -> list[Variant]:
    study = settings.studies.balance
    fit = _scp(settings, study.runs)
    return [Variant(f"{weight:g}", fit, balance_weight=weight) for weight in study.weights]


def _views(settings: Settings) -> list[Variant]:
    study = settings.studies.views
    return [Variant(str(views), _scp(settings, study.runs), views=views) for views in study.views]


def _many_views(settings: Settings) -> ExtractSettings:
    return replace(settings.extract, views=max(settings.studies.views.views))


def _emergence(settings: Settings) -> list[Variant]:
    study = settings.studies.emergence
    return [Variant("steps", _scp(settings, study.runs), steps=study.steps)]


def _leaderboard(settings: Settings) -> list[Variant]:
    study = settings.studies.leaderboard
    fit = replace(settings.fit, runs=study.runs)
    scp = replace(fit, methods=("scp",))
    variants = [Variant(f"scp-{kind}", scp.with_section("scp", pairs=kind)) for kind in study.pairs]
    return [*variants, Variant(OTHERS, replace(fit, methods=study.methods))]


def _zero_shot(settings: Settings) -> list[Variant]:
    return [Variant("clean", settings.fit)]


def _scp(settings: Settings, runs: int) -> FitSettings:
    return replace(settings.fit, methods=("scp",), runs=runs)


STUDIES: dict[str, Study] = {
    "repeats": Study("Many runs", "Table 2", _repeats),
    "ablation": Study("Every set of terms", "Table 4", _ablation),
    "balance": Study("Weight of the balance term", "Figure 5", _balance),
    "views": Study("Number of cached views", "ours", _views, extract=_many_views),
    "emergence": Study("Clusters along the training", "Figure 2", _emergence),
    "leaderboard": Study("Every method on the same cache", "ours", _leaderboard),
    "zero-shot": Study("CLIP with the names of the classes", "Table 2", _zero_shot, text=True),
}


def get_study(name: str, where: str = "") -> Study:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in STUDIES:
        raise unknown("study", name, STUDIES, where)
    return STUDIES[name]
