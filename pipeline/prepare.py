"""prepare: data set -> image list and labels, apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from pipeline.datasets import Dataset
from pipeline.files import written_whole
from pipeline.images import ImageRecord, digest_of, write_list
from pipeline.tables import LABEL_COLUMNS, write_table


def prepare(dataset: Dataset, images: Path, labels: Path) -> str:
    """Writes the image list with its pictures into one folder and the labels into a file outside of it.

    Args:
        dataset: the entry of the data set.
        images: the folder for the list and the pictures; nothing in it tells a class.
        labels: the CSV file with the columns id and label; it has no rows where the data set has no labels.

    Returns:
        one line for people: how many pictures, splits and classes.
    """
    splits = dataset.read()
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    records: list[ImageRecord] = []
    classes: list[tuple[str, str]] = []
    for name, split in splits.items():
        file = f"{name}.npy"
        with written_whole(images / file) as aside, aside.open("wb") as stream:
            np.save(stream, split.pictures, allow_pickle=False)
        width = max(5, len(str(len(split.pictures) - 1)))
        ids = [f"{name}-{row:0{width}d}" for row in range(len(split.pictures))]
        for row, (image_id, picture) in enumerate(zip(ids, split.pictures, strict=True)):
            records.append(ImageRecord(image_id, name, file, row, digest_of(picture.tobytes())))
        if split.labels is not None:
            classes += zip(ids, split.labels, strict=True)
    write_list(images, records)
    write_table(labels, LABEL_COLUMNS, classes)
    sizes = ", ".join(f"{len(split.pictures):,} {name}" for name, split in splits.items())
    return f"{dataset.name}: {sizes}, {len({label for _, label in classes})} classes"
