"""What a data set is: its entry in the registry, and the splits that its reader gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.errors import PipelineError
from pipeline.base.remote import place, reached
from pipeline.images.datasets.packages import Package

if TYPE_CHECKING:
    import numpy as np

IMAGENET_ROOT = "IMAGENET_ROOT"
"""The environment variable that names the folder of ImageNet-1k."""


@dataclass(frozen=True)
class Split:
    """The pictures of one split and, apart from them, their classes.

    `pictures` is uint8, (n, height, width) for grey pictures or (n, height, width, 3), or the paths of picture files
    relative to the data set's source; `labels` holds one class name a picture, or is None.
    """

    pictures: np.ndarray | list[Path]
    labels: list[str] | None


@dataclass(frozen=True)
class Dataset:
    """A data set that the pipeline can prepare."""

    name: str
    title: str
    source: str
    """Where its files are, or are downloaded to, relative to the project's folder; or a URL."""
    licence: str
    sizes: dict[str, int] | None
    """Pictures of each split in the official distribution; None: as many as there are."""
    reader: Callable[[Path], dict[str, Split]]
    """Reads the splits from the source, see `read`."""
    files: tuple[str, ...] = ()
    """What the reader needs below the source: files, and folders with something in them."""
    megabytes: int = 0
    """Size of the download, in millions of bytes."""
    local: bool = False
    """Whether the user says where its files are; they cannot be downloaded."""
    package: Package | None = None
    """What ships its files, if an installed package does."""

    @property
    def is_here(self) -> bool:
        """Whether its files are on this machine; they are not read."""
        return bool(self.source) and place(self.source).is_dir() and not self.missing

    @property
    def missing(self) -> list[str]:
        """Those of `files` that are not on this machine."""
        paths = {file: Path(self.source, file) for file in self.files}
        return [file for file, path in paths.items() if not (path.is_file() or (path.is_dir() and any(path.iterdir())))]

    @property
    def remedy(self) -> str:
        """What to do where its files are not whole."""
        if self.megabytes:
            places = dict.fromkeys(f"{self.source}/{file.split('/')[0]}" for file in self.files)
            return f"remove {' and '.join(places)} and run 'pipeline prepare --dataset {self.name}' again"
        if self.package:
            return f"run '{self.package.install}'"
        if self.local and self.sizes is None:
            return "bring your pictures there"
        if self.local:
            return f"bring the pictures of its classes to {self.source} as the original has them"
        return f"restore them with 'git checkout -- {self.source}'"

    def read(self) -> dict[str, Split]:
        """The splits in the official order, downloaded first where they are not on this machine.

        Raises:
            PipelineError: if a file is missing and cannot be fetched, is damaged, or a split has another size.
        """
        if not self.source:
            raise PipelineError(
                f"{self.name}: its pictures are part of ImageNet-1k, which cannot be downloaded; name its folder in "
                f"params.yaml (prepare.imagenet_root) or in the environment variable {IMAGENET_ROOT}"
            )
        if self.package and self.missing:
            raise PipelineError(
                f"{self.name}: expected {self.missing[0]} of the {self.package.kind} package {self.package.name} "
                f"{self.package.version} in {self.source}, found nothing there; {self.remedy}"
            )
        splits = self.reader(reached(self.source))
        found = {name: len(split.pictures) for name, split in splits.items()}
        if self.sizes is not None and found != self.sizes:
            odd = _odd_classes(splits, self.sizes) if self.local else ""
            raise PipelineError(
                f"{self.source}: expected {self.sizes} pictures of {self.name}, found {found}{odd}; {self.remedy}"
            )
        for name, split in splits.items():
            if split.labels is not None and len(split.labels) != len(split.pictures):
                raise PipelineError(
                    f"{self.source}: expected a label for each of the {len(split.pictures)} pictures of {self.name}, "
                    f"split {name}, found {len(split.labels)}; {self.remedy}"
                )
        return splits


def _odd_classes(splits: dict[str, Split], sizes: dict[str, int]) -> str:
    """Names the classes that have another number of pictures than their share; they all have the same."""
    odd = []
    for name, split in splits.items():
        counts = Counter(split.labels)
        share = sizes[name] // max(len(counts), 1)
        odd += [f"{count:,} of {label} in {name}" for label, count in counts.items() if count != share]
    return f" ({', '.join(odd[:3])}{f', and {len(odd) - 3} more' if len(odd) > 3 else ''})" if odd else ""
