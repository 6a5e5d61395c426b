"""The settings of the stages beside the main graph; a study's own stand in its module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.config.disturbed import COPIES, MIXED, PREDICTED, REFITTED, SHIFTED, SUBSAMPLE, UNEVEN
from pipeline.config.types import Count, MayBeEmpty, NotNegative, OneOf, Range, Share, Widths
from pipeline.heads.settings import Pairs

Axis = Annotated[str, OneOf((PREDICTED, REFITTED, MIXED, UNEVEN, SUBSAMPLE, COPIES, SHIFTED))]


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
class TheoremStudy:
    """How near a text-free head comes to one that reads text; see `pipeline.experiments.theorem`."""

    backbone: str
    image_size: Annotated[int, Range(16)]
    """Pixels that the backbone sees the pictures at."""
    images: Annotated[int, Range(40)]
    """For training; half as many are held out."""
    views: Annotated[int, Range(2)]
    contrast: Annotated[float, Range(1, 127)]
    """Of the stripes, in grey levels."""
    noise: tuple[NotNegative, ...]
    """Standard deviations of a pixel's, in grey levels."""
    runs: Count
    hidden: Annotated[tuple[Count, ...], Widths(4, "as the head has five layers")]
    steps: Count
    batch: Annotated[int, Range(2)]
    balance_weight: NotNegative
    """Lambda."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class RobustnessStudy:
    """What a clustering is worth when pictures are not clean; see `pipeline.experiments.robustness`."""

    axes: tuple[Axis, ...]
    """What is tried, see `pipeline.config.disturbed`; wrong numbers of clusters belong to uneven."""
    images: Annotated[int, Range(20)]
    """Of a data set at most; which ones their contents decide."""
    views: Annotated[int, Range(2)]
    """Augmented views of each, of every corruption too: SCP's pairs are made of them."""
    kinds: tuple[str, ...]
    severities: tuple[Annotated[int, Range(1, 5)], ...]
    refitted: Annotated[tuple[str, ...], MayBeEmpty()]
    """Those corruptions, by kind and severity such as ``jpeg-3``, that are fitted again, whole and mixed in."""
    shares: Annotated[tuple[Share, ...], MayBeEmpty()]
    """Of the pictures that are corrupted where others are not."""
    factors: Annotated[tuple[Annotated[float, Range(0.1, 10)], ...], MayBeEmpty()]
    """Of the number of clusters, where it is wrong."""
    ratios: Annotated[tuple[Annotated[float, Range(0.001, 1)], ...], MayBeEmpty()]
    """Of the smallest to the largest class, where they are uneven; each is fitted with the right number of clusters and
    with the wrong ones."""
    half_ratios: Annotated[tuple[Annotated[float, Range(0.001, 1)], ...], MayBeEmpty()]
    """Of the small classes to the others, where half of the classes are small."""
    subsample: Share
    copied: Share
    """Of the pictures, that are there 1 to 10 times more."""
    shifts: Annotated[tuple[tuple[str, str], ...], MayBeEmpty()]
    """Data sets with the same classes: heads of one predict the other, where both are in `run.datasets`."""
    runs: Count
    refit_runs: Count
    """Of each fit that is not of the clean pictures."""
    pairs: tuple[Pairs, ...]
    """What SCP is fitted with."""
    methods: tuple[str, ...] | None = None
    """None: those of `fit.methods`."""
    seed: Annotated[int, Range(0)] = 0


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
