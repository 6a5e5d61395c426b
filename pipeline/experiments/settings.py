"""All of params.yaml: the sections of every room, and the experiments'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.collection.settings import ClusterSettings
from pipeline.config.settings import DatasetSettings, ExtractSettings, PrepareSettings, RunSettings
from pipeline.config.types import Count, NotNegative, Range
from pipeline.evaluation.settings import CeilingSettings
from pipeline.heads.settings import FitSettings, Pairs
from pipeline.report.settings import MetricsSettings


@dataclass(frozen=True)
class RepeatsStudy:
    """The protocol of the paper's Table 2: many runs, and how far they spread."""

    methods: tuple[str, ...]
    runs: Count


@dataclass(frozen=True)
class AblationStudy:
    """Table 4: SCP with every set of its terms."""

    runs: Count


@dataclass(frozen=True)
class BalanceStudy:
    """Figure 5: SCP with several weights of the balance term (lambda)."""

    runs: Count
    weights: tuple[NotNegative, ...]


@dataclass(frozen=True)
class ViewsStudy:
    """SCP on the first K cached views, for several K: not in the paper."""

    runs: Count
    views: tuple[Annotated[int, Range(2)], ...]


@dataclass(frozen=True)
class EmergenceStudy:
    """Figure 2: the heads that a training passes through."""

    runs: Count
    steps: tuple[Annotated[int, Range(0)], ...]
    """Training steps before which the head is kept; 0 is the untrained head. The end is kept in any case."""


@dataclass(frozen=True)
class EstimatesStudy:
    """How good the estimate of the number of clusters is, on subsets of the classes of labelled data."""

    classes: tuple[Annotated[int, Range(2)], ...]
    """How many classes a subset has."""
    uneven: tuple[Annotated[int, Range(2)], ...]
    """Those of them that are tried with uneven classes too."""
    ratio: Annotated[float, Range(1)]
    """Of the largest to the smallest class where they are uneven; the others lie between in equal steps of ratio."""
    images: Annotated[int, Range(10)]
    """Pictures of a subset at most."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class LeaderboardStudy:
    """Every method on the same cache."""

    runs: Count
    methods: tuple[str, ...]
    pairs: tuple[Pairs, ...]
    """What SCP is fitted with, beside the methods."""
    neighbours: Count
    """Of an image, for the criterion that asks whether it shares its cluster with them."""
    silhouette_images: Annotated[int, Range(10)]
    """A sample of so many for the silhouette."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class StudiesSettings:
    """The experiments beside the main graph."""

    repeats: RepeatsStudy
    ablation: AblationStudy
    balance: BalanceStudy
    views: ViewsStudy
    emergence: EmergenceStudy
    estimates: EstimatesStudy
    ceilings: CeilingSettings
    leaderboard: LeaderboardStudy


@dataclass(frozen=True)
class ZeroShotSettings:
    """CLIP's zero-shot classification, the one method that reads text."""

    templates: tuple[str, ...]
    """Prompts with {} in the place of the class name; the embeddings of a class's prompts are averaged."""


@dataclass(frozen=True)
class FiguresSettings:
    """The figures for print."""

    map_images: Annotated[int, Range(10)]
    """Images of the shown split in each map."""
    search_results: Count
    """Nearest images shown for a query."""
    cloud_images: Annotated[int, Range(10)]
    """Thumbnails in the image cloud."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class Settings:
    """All of params.yaml."""

    run: RunSettings
    prepare: PrepareSettings
    extract: ExtractSettings
    fit: FitSettings
    metrics: MetricsSettings
    studies: StudiesSettings
    zero_shot: ZeroShotSettings
    figures: FiguresSettings
    cluster: ClusterSettings
    datasets: dict[str, DatasetSettings]
