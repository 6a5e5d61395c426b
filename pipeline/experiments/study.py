"""What a study is to the rest of the pipeline: a module that gives variants, and its entry in the registry."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from pipeline.config.paths import Cell
from pipeline.config.types import Count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.config.settings import ExtractSettings
    from pipeline.experiments.shown_split import Shown
    from pipeline.heads.method import Methods
    from pipeline.heads.settings import FitSettings

SCP = "scp"
"""The method that most studies vary."""

Variants = Mapping[str, Cell]
"""The variants of a study on one cell, by name."""


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
class MethodRuns:
    """The settings of a study of some methods: which, and how often."""

    runs: Count
    methods: tuple[str, ...]


class Study(Protocol):
    """A study's module: it varies one thing and leaves all else as params.yaml has it.

    Its settings, if it has any, are a frozen data class `Settings` beside `variants`; a study without any is given
    None for them. What else a module may have is in the protocols below. Whatever needs heavy imports has them inside,
    so that a fit loads no matplotlib.
    """

    def variants(self, fit: FitSettings, settings: Any) -> list[Variant]:
        """What is fitted to every cell, from the main graph's settings of a fit and the study's own."""


@runtime_checkable
class CacheStudy(Study, Protocol):
    """A study with a cache of its own; without it the cells' own caches serve."""

    def extract_settings(self, extract: ExtractSettings, settings: Any) -> ExtractSettings:
        """What its cache is made with, from the main graph's settings and the study's own."""


@runtime_checkable
class TableStudy(Study, Protocol):
    """A study that ends in tables."""

    def table(self, cells: Sequence[Variants], others: Sequence[Variants], methods: Methods) -> dict[str, str]:
        """The text of each file, by its name; the first is shown. The arguments are those of the stage `tables`."""


@runtime_checkable
class FiguresStudy(Study, Protocol):
    """A study that ends in figures."""

    def figures(self, by_name: Variants, shown: Shown) -> dict[str, Figure]:
        """The figures of one cell, by name."""


@dataclass(frozen=True)
class StudyEntry:
    """A study's place in the registry."""

    module: str
    """Imported only where the study is used."""
    title: str
    source: str
    """What of the paper it repeats, or ``ours``."""
    text: str = ""
    """What text it reads, see `MethodEntry`, and so is for backbones with a text tower alone; the names of classes
    `pipeline zero-shot` reads."""

    beside: str = ""
    """Another study, whose results stand in its tables too: they are a stage of their own."""

    def load(self) -> Study:
        """Imports the study."""
        return cast(Study, importlib.import_module(self.module))


def together(fit: FitSettings, settings: MethodRuns) -> Variant:
    """The one variant of a study that fits its methods as they are."""
    return Variant("all", replace(fit, methods=settings.methods, runs=settings.runs))


def scp_alone(fit: FitSettings, runs: int) -> FitSettings:
    """The settings of a fit of SCP and no other method, so many runs."""
    return replace(fit, methods=(SCP,), runs=runs)
