"""The data sets: one entry each in `DATASETS`, with a function that reads its splits.

A reader turns the files of the official distribution into pictures and labels, in the official order. Labels leave
this module for `prepare` alone, which writes them apart from the pictures.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
    """Where its files are, relative to the project's folder."""
    licence: str
    read: Callable[[Path], dict[str, Split]]
    """Reads the splits, ``train`` and ``test``, from the source."""


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
    if len(pictures) != 10_000 or len(classes) != 10_000:
        raise PipelineError(
            f"{source}: expected 10,000 pictures and labels, found {len(pictures)} and {len(classes)}; "
            "bring the originals again"
        )
    labels = [FASHION_MNIST_CLASSES[value] for value in classes]
    return {"train": Split(pictures[:8000], labels[:8000]), "test": Split(pictures[8000:], labels[8000:])}


DATASETS: dict[str, Dataset] = {
    entry.name: entry
    for entry in (
        Dataset(
            name="fashion-mnist-mini",
            title="Fashion-MNIST, test split (8,000 / 2,000)",
            source="data/embedded/fashion-mnist-mini",
            licence="MIT",
            read=read_fashion_mnist_mini,
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
