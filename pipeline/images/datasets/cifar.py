"""CIFAR-10, CIFAR-100 and CIFAR-20, which is CIFAR-100 with its coarse labels: readers and entries."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.config.paths import RAW
from pipeline.images.datasets.downloads import read_torchvision
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.labels import named


def read_cifar10(source: Path) -> dict[str, Split]:
    """CIFAR-10."""
    from torchvision.datasets import CIFAR10

    def to_split(data: Any) -> Split:
        return Split(data.data, named(data.targets, data.classes))

    return _read_cifar("cifar10", CIFAR10, source, to_split)


def _read_cifar(dataset: str, loader: Any, source: Path, to_split: Callable[[Any], Split]) -> dict[str, Split]:
    from torchvision.datasets.utils import check_integrity

    def names_are_whole(folder: Path) -> bool:
        whole: bool = check_integrity(folder / loader.meta["filename"], loader.meta["md5"])
        return whole

    return read_torchvision(dataset, loader, source, names_are_whole, to_split)


def read_cifar100(source: Path) -> dict[str, Split]:
    """CIFAR-100 with its 100 fine labels."""
    return _read_cifar100("cifar100", source, "fine")


def read_cifar20(source: Path) -> dict[str, Split]:
    """CIFAR-20: CIFAR-100 with its 20 coarse labels."""
    return _read_cifar100("cifar20", source, "coarse")


def _read_cifar100(dataset: str, source: Path, level: str) -> dict[str, Split]:
    from torchvision.datasets import CIFAR100

    def to_split(data: Any) -> Split:
        # torchvision keeps the fine labels alone. It has just held these pickles against their checksums.
        folder = source / data.base_folder
        names = pickle.loads((folder / data.meta["filename"]).read_bytes())[f"{level}_label_names"]
        file = folder / ("train" if data.train else "test")
        labels = pickle.loads(file.read_bytes(), encoding="latin1")[f"{level}_labels"]
        return Split(data.data, named(labels, names))

    return _read_cifar(dataset, CIFAR100, source, to_split)


CIFAR100_FILES = tuple(f"cifar-100-python/{file}" for file in ("train", "test", "meta"))

ENTRIES = (
    Dataset(
        name="cifar10",
        title="CIFAR-10",
        source=str(RAW),
        licence="none stated",
        sizes={"train": 50_000, "test": 10_000},
        reader=read_cifar10,
        files=tuple(
            f"cifar-10-batches-py/{file}"
            for file in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
        ),
        megabytes=170,
    ),
    Dataset(
        name="cifar20",
        title="CIFAR-20 (CIFAR-100, coarse labels)",
        source=str(RAW),
        licence="none stated",
        sizes={"train": 50_000, "test": 10_000},
        reader=read_cifar20,
        files=CIFAR100_FILES,
        megabytes=169,
    ),
    Dataset(
        name="cifar100",
        title="CIFAR-100",
        source=str(RAW),
        licence="none stated",
        sizes={"train": 50_000, "test": 10_000},
        reader=read_cifar100,
        files=CIFAR100_FILES,
        megabytes=169,
    ),
)
