"""The data sets: one entry each in `DATASETS`, with a function that reads its splits.

A reader turns the files of the official distribution into pictures and labels, in the official order. Labels leave
this module for `prepare` alone, which writes them apart from the pictures.
"""

from __future__ import annotations

import gzip
import math
import pickle
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError, unknown


@dataclass(frozen=True)
class Split:
    """The pictures of one split and, apart from them, their classes.

    `pictures` is uint8, (n, height, width) for grey pictures or (n, height, width, 3); `labels` holds one class name
    a picture, or is None.
    """

    pictures: np.ndarray
    labels: list[str] | None


@dataclass(frozen=True)
class Dataset:
    """A data set that the pipeline can prepare."""

    name: str
    title: str
    source: str
    """Where its files are, or are downloaded to, relative to the project's folder."""
    licence: str
    sizes: dict[str, int]
    """Pictures of each split in the official distribution."""
    reader: Callable[[Path], dict[str, Split]]
    """Reads the splits from the source, see `read`."""

    def read(self) -> dict[str, Split]:
        """The splits in the official order, downloaded first where they are not on this machine.

        Raises:
            PipelineError: if a file is missing and cannot be fetched, is damaged, or a split has another size.
        """
        splits = self.reader(Path(self.source))
        found = {name: len(split.pictures) for name, split in splits.items()}
        if found != self.sizes:
            raise PipelineError(
                f"{self.source}: expected {self.sizes} pictures of {self.name}, found {found}; "
                "remove its files there and run this again"
            )
        for name, split in splits.items():
            if split.labels is not None and len(split.labels) != len(split.pictures):
                raise PipelineError(
                    f"{self.source}: expected a label for each of the {len(split.pictures)} pictures of {self.name}, "
                    f"split {name}, found {len(split.labels)}; remove its files there and run this again"
                )
        return splits


FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes (the format of MNIST, described on its home page).

    Returns:
        uint8, of the shape that the file declares.

    Raises:
        PipelineError: if the file is missing, is no gzip, is not IDX of unsigned bytes, or has another length than it
            declares.
    """
    restore = f"bring the original again ('git checkout -- {path}' where it is part of the repository)"
    try:
        with gzip.open(path) as file:
            data = file.read()
    except FileNotFoundError:
        raise PipelineError(f"{path}: missing; {restore}") from None
    except (EOFError, OSError, zlib.error) as error:
        raise PipelineError(f"{path}: not a whole gzip file ({error}); {restore}") from None
    if len(data) < 4 or data[:3] != b"\x00\x00\x08" or len(data) < 4 + 4 * data[3]:
        raise PipelineError(
            f"{path}: expected an IDX file of unsigned bytes, found one that starts with {data[:4].hex()!r}; {restore}"
        )
    header = 4 + 4 * data[3]
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    if len(data) != header + math.prod(shape):
        raise PipelineError(f"{path}: declares {math.prod(shape)} values, found {len(data) - header}; {restore}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def read_fashion_mnist_mini(source: Path) -> dict[str, Split]:
    """The first 8,000 pictures of Fashion-MNIST's official test split as train, the last 2,000 as test (ours)."""
    pictures = read_idx(source / "t10k-images-idx3-ubyte.gz")
    classes = read_idx(source / "t10k-labels-idx1-ubyte.gz")
    labels = [FASHION_MNIST_CLASSES[value] for value in classes]
    return {"train": Split(pictures[:8000], labels[:8000]), "test": Split(pictures[8000:], labels[8000:])}


def _read_torchvision(
    dataset: str, loader: Any, source: Path, to_split: Callable[[Any], Split], named: bool = False
) -> dict[str, Split]:
    """Both splits of a torchvision data set, checked against its sums and downloaded where they are not whole.

    Args:
        dataset: our name of it, for the error.
        loader: torchvision's class.
        source: the folder of the files.
        to_split: turns what the class holds into pictures and labels.
        named: whether the class takes the split's name, and not whether it is the train split.

    Raises:
        PipelineError: if the files are not whole and cannot be fetched.
    """
    splits = {}
    for name in ("train", "test"):
        try:
            data = loader(str(source), name if named else name == "train", download=True)
        except Exception as error:  # No network, a wrong checksum and a broken archive end in many types.
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
            raise PipelineError(
                f"{dataset}: its files are not whole in {source} and cannot be fetched ({reason}); run 'pipeline "
                f"prepare --dataset {dataset}' where there is a network and bring the folder {source} here"
            ) from None
        splits[name] = to_split(data)
    return splits


def read_fashion_mnist(source: Path) -> dict[str, Split]:
    """Fashion-MNIST as torchvision reads it: grey pictures of 28 pixels."""
    from torchvision.datasets import FashionMNIST

    def to_split(data: Any) -> Split:
        return Split(data.data.numpy(), [FASHION_MNIST_CLASSES[label] for label in data.targets.tolist()])

    return _read_torchvision("fashion-mnist", FashionMNIST, source, to_split)


def read_stl10(source: Path) -> dict[str, Split]:
    """STL-10's labelled splits; the 100,000 unlabelled pictures are not used, as in the paper."""
    from torchvision.datasets import STL10

    def to_split(data: Any) -> Split:
        labels = [data.classes[label] for label in data.labels.tolist()]
        return Split(np.ascontiguousarray(data.data.transpose(0, 2, 3, 1)), labels)

    return _read_torchvision("stl10", STL10, source, to_split, named=True)


def read_cifar10(source: Path) -> dict[str, Split]:
    """CIFAR-10."""
    from torchvision.datasets import CIFAR10

    def to_split(data: Any) -> Split:
        return Split(data.data, [data.classes[label] for label in data.targets])

    return _read_torchvision("cifar10", CIFAR10, source, to_split)


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
        return Split(data.data, [names[label] for label in labels])

    return _read_torchvision(dataset, CIFAR100, source, to_split)


RAW = "data/raw"

DATASETS: dict[str, Dataset] = {
    entry.name: entry
    for entry in (
        Dataset(
            name="fashion-mnist-mini",
            title="Fashion-MNIST, its test split cut in two (ours)",
            source="data/embedded/fashion-mnist-mini",
            licence="MIT",
            sizes={"train": 8_000, "test": 2_000},
            reader=read_fashion_mnist_mini,
        ),
        Dataset(
            name="fashion-mnist",
            title="Fashion-MNIST",
            source=RAW,
            licence="MIT",
            sizes={"train": 60_000, "test": 10_000},
            reader=read_fashion_mnist,
        ),
        Dataset(
            name="stl10",
            title="STL-10",
            source=RAW,
            licence="its pictures are from ImageNet; for research",
            sizes={"train": 5_000, "test": 8_000},
            reader=read_stl10,
        ),
        Dataset(
            name="cifar10",
            title="CIFAR-10",
            source=RAW,
            licence="none stated",
            sizes={"train": 50_000, "test": 10_000},
            reader=read_cifar10,
        ),
        Dataset(
            name="cifar20",
            title="CIFAR-20 (CIFAR-100, coarse labels)",
            source=RAW,
            licence="none stated",
            sizes={"train": 50_000, "test": 10_000},
            reader=read_cifar20,
        ),
        Dataset(
            name="cifar100",
            title="CIFAR-100",
            source=RAW,
            licence="none stated",
            sizes={"train": 50_000, "test": 10_000},
            reader=read_cifar100,
        ),
    )
}


def get_dataset(name: str, where: str = "") -> Dataset:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in DATASETS:
        raise unknown("data set", name, DATASETS, where)
    return DATASETS[name]
