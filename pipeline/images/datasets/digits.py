"""scikit-learn's digits: reader and entry."""

from __future__ import annotations

import io
from pathlib import Path

from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package, checked

PACKAGE = Package("Python", "scikit-learn", "1.9.1")


def read_digits(source: Path) -> dict[str, Split]:
    """scikit-learn's digits: grey pictures of 8 pixels whose 17 levels are spread over a byte."""
    import numpy as np

    sha256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
    rows = np.loadtxt(io.BytesIO(checked(PACKAGE, source / "digits.csv.gz", sha256)), delimiter=",")
    pictures = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    return {"train": Split(pictures, [str(int(label)) for label in rows[:, -1]])}


ENTRIES = (
    Dataset(
        name="digits",
        title="scikit-learn's digits of 8 pixels",
        source=PACKAGE.place("sklearn/datasets/data"),
        licence="CC BY 4.0",
        sizes={"train": 1_797},
        reader=read_digits,
        files=("digits.csv.gz",),
        package=PACKAGE,
    ),
)
