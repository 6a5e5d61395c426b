"""The settings of `pipeline cluster` and of what goes with it: the estimate of the number of clusters, the layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.config.settings import ExtractSettings, GeometryName
from pipeline.config.types import Count, NotNegative, Range, Share
from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class LayoutSettings:
    """How the pictures of a collection lie to each other."""

    map_images: Annotated[int, Range(10)]
    """Pictures that t-SNE lays out; more are placed between these."""
    neighbours: Count
    """Nearest pictures shown for each."""
    duplicate_distance: NotNegative
    """Where there are embeddings and no pictures, two of length 1 count as nearly the same up to this distance."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class WantedSettings:
    """What people want of a clustering, where no number of clusters stands out; see `pipeline.collection.proposed`."""

    fewest: Annotated[int, Range(2)]
    """Clusters at least."""
    most: Annotated[int, Range(2)]
    pictures: Count
    """Of a cluster, on average, at least."""


@dataclass(frozen=True)
class EstimateSettings:
    """How the number of clusters is estimated; see `pipeline.collection.criteria`."""

    images: Annotated[int, Range(10)]
    """Pictures that are looked at; of more a sample."""
    resolutions: tuple[Annotated[float, Range(0.01)], ...]
    """Of the communities: the larger, the more there are."""
    fine_resolution: Annotated[float, Range(0.01)]
    """Of the finer ones, whose number is to be about the same where there are clear groups."""
    partitions: Count
    """Of the neighbour graph, for each resolution."""
    most: Annotated[int, Range(2)]
    """The largest number of clusters that is tried."""
    most_of_heads: Annotated[int, Range(2)]
    """The same for trained heads."""
    hidden: tuple[Count, ...]
    """Widths of their hidden layers: small heads that train in a second."""
    steps: Count
    runs: Annotated[int, Range(2)]
    """Heads for each number of clusters; their agreement needs two."""
    too_many: Annotated[int, Range(2)]
    """Clusters that one head is asked for, with `weak_balance_weight`, to see how many it keeps."""
    weak_balance_weight: NotNegative
    net_width: Count
    """Of the vectors of a small CPP net, for its choice; its other values are those of heads, and CPP's own."""
    net_warmup: Annotated[int, Range(0)]
    """Its steps before those of a head."""
    net_learning_rate: Annotated[float, Range(1e-8)]
    wanted: WantedSettings
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class AnswerSettings:
    """What people are asked, and how their answers reach the pictures that are like those that they are about."""

    questions: Count
    candidates: Annotated[int, Range(2)]
    """Clusters that a question names."""
    reach: Annotated[float, Range(0.01)]
    """How far an answer goes, as a multiple of the usual distance to the last of the layout's neighbours."""
    steps: Count
    """Of the training of the head."""


@dataclass(frozen=True)
class SmallAutoSettings:
    """What auto is given in their place; the words are those of `pipeline.methods.auto`."""

    heads: Count
    centred: dict[str, Count]


@dataclass(frozen=True)
class SmallSettings:
    """What an ensemble is given where there are few pictures; the words are those of `pipeline.methods.consensus`."""

    images: Count
    """Few are so many at most."""
    heads: Count
    min_steps: Count
    steps: Count
    auto: SmallAutoSettings


@dataclass(frozen=True)
class RobustnessSettings:
    """How it is tried whether clusters are stable."""

    kinds: tuple[str, ...]
    """Of disturbances: those of `pipeline.extraction.corruptions`, and crop."""
    severities: tuple[Annotated[int, Range(1, 5)], ...]
    """Of each kind; of crops, which know none, there are as many."""
    crop_side: Annotated[float, Range(0.01, 1)]
    """Of a crop, as a share of the sides of the picture."""
    images: Count
    """Pictures that are disturbed; of more so many are drawn."""
    repeats: Count
    """Fits to fewer pictures, and as many with other seeds."""
    share: Annotated[float, Range(0.01, 1)]
    """Of the pictures, where there are to be fewer."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class ClusterSettings:
    """`pipeline cluster`: pictures of one's own, with the other sections where this one is silent."""

    backbone: str
    image_size: Annotated[int, Range(16)] | None
    """As a data set's."""
    geometry: GeometryName
    """As well."""
    batch: Count
    """In the place of the extraction's, on a CPU."""
    shard_rows: Count
    """In the place of the extraction's, where that is more."""
    method: str
    small: SmallSettings
    runs: Count
    refit_share: Share
    """The clusters of the last fit stand while less than this share of its pictures came or went."""
    most_steps: Count
    """Training steps of a large collection at most, but never less than one pass over it."""
    few_embeddings: Count
    """Where a method needs augmented views, few pictures get more, until there are about so many embeddings of them."""
    most_views: Annotated[int, Range(2)]
    """Augmented views of a picture at most."""
    balance_weight: NotNegative
    """As a data set's."""
    layout: LayoutSettings
    estimate: EstimateSettings
    answers: AnswerSettings
    robustness: RobustnessSettings


@dataclass(frozen=True)
class CollectionSettings:
    """The sections of params.yaml that a collection is made with."""

    extract: ExtractSettings
    fit: FitSettings
    cluster: ClusterSettings
