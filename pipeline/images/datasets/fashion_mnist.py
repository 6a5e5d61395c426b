"""Fashion-MNIST, and the small one that is part of this repository: readers and entries."""

from __future__ import annotations

from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.config.paths import RAW
from pipeline.images.datasets.downloads import fetching
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.idx import read_idx
from pipeline.images.datasets.labels import named

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


def read_fashion_mnist_mini(source: Path) -> dict[str, Split]:
    """The first 8,000 pictures of Fashion-MNIST's official test split as train, the last 2,000 as test (ours)."""
    pictures = read_idx(source / "t10k-images-idx3-ubyte.gz")
    classes = read_idx(source / "t10k-labels-idx1-ubyte.gz")
    try:
        labels = named(classes.tolist(), FASHION_MNIST_CLASSES)
    except ValueError as error:
        raise PipelineError(f"{source}: {error}; restore its files with 'git checkout -- {source}'") from None
    return {"train": Split(pictures[:8000], labels[:8000]), "test": Split(pictures[8000:], labels[8000:])}


def read_fashion_mnist(source: Path) -> dict[str, Split]:
    """Fashion-MNIST: grey pictures of 28 pixels.

    Read from the packed files. torchvision's class reads unpacked ones, for which nobody publishes a checksum.
    """
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.utils import download_url

    folder = source / "FashionMNIST" / "raw"
    splits = {}
    with fetching("fashion-mnist", source):
        for file, md5 in FashionMNIST.resources:
            download_url(FashionMNIST.mirrors[0] + file, folder, file, md5)
        for name, prefix in (("train", "train"), ("test", "t10k")):
            labels = named(read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz").tolist(), FASHION_MNIST_CLASSES)
            splits[name] = Split(read_idx(folder / f"{prefix}-images-idx3-ubyte.gz"), labels)
    return splits


ENTRIES = (
    Dataset(
        name="fashion-mnist-mini",
        title="Fashion-MNIST, its test split cut in two (ours)",
        source="data/embedded/fashion-mnist-mini",
        licence="MIT",
        sizes={"train": 8_000, "test": 2_000},
        reader=read_fashion_mnist_mini,
        files=("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
    ),
    Dataset(
        name="fashion-mnist",
        title="Fashion-MNIST",
        source=str(RAW),
        licence="MIT",
        sizes={"train": 60_000, "test": 10_000},
        reader=read_fashion_mnist,
        files=tuple(
            f"FashionMNIST/raw/{split}-{kind}-ubyte.gz"
            for split in ("train", "t10k")
            for kind in ("images-idx3", "labels-idx1")
        ),
        megabytes=31,
    ),
)
