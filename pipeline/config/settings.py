"""The settings that several rooms share: what is computed, how pictures become embeddings, what a data set is.

The others stand in their rooms, a method's beside the method, so that a change of one makes nothing else stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.config.types import Ascending, Count, NotNegative, OneOf, Precision, Range, Share

PUBLISHED = "published"
GEOMETRIES = (PUBLISHED, "pad", "squash", "crop")
"""How a picture becomes the square that a backbone takes: as its authors publish it, or with another fit of
`pipeline.backbones.geometry`."""
GeometryName = Annotated[str, OneOf(GEOMETRIES)]


@dataclass(frozen=True)
class RunSettings:
    """What `dvc repro`, and a command without options, computes: every data set with every backbone."""

    datasets: tuple[str, ...]
    backbones: tuple[str, ...]


@dataclass(frozen=True)
class PrepareSettings:
    """Where `prepare` finds what it cannot download, and which pictures it takes."""

    imagenet_root: str | None
    """The folder of ImageNet-1k, with train/ and val/ and in them one folder a class; null: the environment variable
    IMAGENET_ROOT."""
    most_megapixels: Count
    """A picture of more is refused, unread: it may be a bomb. Of data sets and of people's own pictures."""


@dataclass(frozen=True)
class Augmentation:
    """The augmentation family: RandomCrop and GaussianBlur, drawn independently of each other.

    The two probabilities are the paper's (section 3.1); the geometry is ours, the paper leaves it open.
    """

    crop_probability: Share
    crop_area: Annotated[tuple[Annotated[float, Range(0.01, 1)], Annotated[float, Range(0.01, 1)]], Ascending()]
    """Share of the frame's area that a crop keeps, uniform between the two."""
    blur_probability: Share
    blur_sigma: Annotated[tuple[NotNegative, NotNegative], Ascending()]
    """Standard deviation of the blur in pixels of the backbone's input, uniform between the two."""


@dataclass(frozen=True)
class Corruption:
    """What is done to each picture before a backbone's geometry; see `pipeline.extraction.corruptions`."""

    kind: str
    severity: Annotated[int, Range(1, 5)]

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.kind}-{self.severity}"


@dataclass(frozen=True)
class ExtractSettings:
    """What the extract stage computes and how it stores it."""

    seed: Annotated[int, Range(0)]
    views: Annotated[int, Range(2)]
    """Augmented views an image (K), beside the clean one; a pair needs two."""
    augmentation: Augmentation
    precision: Precision
    """Of the backbone; the cache is float16 in any case."""
    batch: Count
    """Views that go through the backbone together."""
    batch_on_gpu: Count
    """The same where a GPU computes."""
    shard_rows: Count
    """Images a shard; a killed run loses at most the shard in work."""
    corruption: Corruption | None = None
    """None: the pictures as they are."""


@dataclass(frozen=True)
class DatasetSettings:
    """What depends on the data set."""

    clusters: Annotated[int, Range(2)]
    balance_weight: NotNegative
    """Lambda of SCP's objective."""
    image_size: Annotated[int, Range(16)] | None
    """Input size for backbones that take any; null: the backbone's own."""
    geometry: GeometryName
    """How the whole of a picture, or its middle, becomes the backbone's input."""
    folder: str | None = None
    """The pictures of a data set that is none of the registry: all that lie below this folder."""
    exclude: tuple[str, ...] | None = None
    """Of such a folder: patterns of files and folders in it to skip."""
