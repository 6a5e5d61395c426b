"""The settings of the stages beside the main graph; a study's own stand in its module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.config.types import Count, Range


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
