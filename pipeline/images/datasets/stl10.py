"""STL-10: its reader and its entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.config.paths import RAW
from pipeline.images.datasets.downloads import read_torchvision
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.labels import named


def read_stl10(source: Path) -> dict[str, Split]:
    """STL-10's labelled splits; the 100,000 unlabelled pictures are not used, as in the paper."""
    import numpy as np
    from torchvision.datasets import STL10

    def names_are_whole(folder: Path) -> bool:
        path = folder / STL10.class_names_file  # no checksum of it is published
        return path.is_file() and len(set(path.read_bytes().splitlines())) == 10

    def to_split(data: Any) -> Split:
        labels = named(data.labels.tolist(), data.classes)
        return Split(np.ascontiguousarray(data.data.transpose(0, 2, 3, 1)), labels)

    return read_torchvision("stl10", STL10, source, names_are_whole, to_split, named=True)


ENTRIES = (
    Dataset(
        name="stl10",
        title="STL-10",
        source=str(RAW),
        licence="its pictures are from ImageNet; for research",
        sizes={"train": 5_000, "test": 8_000},
        reader=read_stl10,
        # torchvision checks the unlabelled pictures too, though nobody reads them here.
        files=tuple(
            f"stl10_binary/{file}"
            for file in (
                "train_X.bin",
                "train_y.bin",
                "test_X.bin",
                "test_y.bin",
                "unlabeled_X.bin",
                "class_names.txt",
            )
        ),
        megabytes=2640,
    ),
)
