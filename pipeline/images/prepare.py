"""prepare: data set -> image list, labels and the names of the classes, each apart from the others."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote, written_whole
from pipeline.base.made_from import write_made_from
from pipeline.base.remote import place
from pipeline.base.text import quoted
from pipeline.config.names import CLASS_COLUMNS, LABEL_COLUMNS
from pipeline.images.datasets.entry import Dataset
from pipeline.images.examination import REJECTED, REJECTED_COLUMNS, Rejected, examine
from pipeline.images.listing import LIST_NAME, ImageRecord, digest_of, ranges_in, write_list

SHOWN = 5
"""Names of classes that a line shows."""


def prepare(
    dataset: Dataset, images: Path, labels: Path, classes: Path, made_from: dict[str, Any] | None = None
) -> str:
    """Writes the image list with its pictures into one folder, and labels and class names into files outside of it.

    Picture files stay where they are; each is decoded once, and one that cannot be read is left out of the list and
    named in `rejected.csv`.

    Args:
        dataset: the entry of the data set.
        images: the folder for the list and the pictures; what was there is replaced.
        labels: the CSV file with the columns id and label; it has no rows where the data set has no labels.
        classes: the CSV file with the name of each class, once and sorted: what zero-shot classification reads.
        made_from: plain data, the parameters that decide the list, to be written beside it.

    Returns:
        one line for people: how many pictures, splits and classes, and which classes stand in one split alone.

    Raises:
        PipelineError: if the data set cannot be had, a picture of a data set of fixed size cannot be read, or none can.
    """
    splits = dataset.read()
    root = place(dataset.source)
    if not is_remote(root):
        root = root.resolve()
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    records: list[ImageRecord] = []
    known: list[tuple[str, str]] = []
    rejected: list[Rejected] = []
    for name, split in splits.items():
        found: Sequence[ImageRecord | Rejected]
        if isinstance(split.pictures, list):
            # Later splits are opened as the first is, as new pictures are.
            found = examine(root, split.pictures, name, ranges=ranges_in(records))
        else:
            found = _store(images, name, split.pictures)
        for row, record in enumerate(found):
            if isinstance(record, ImageRecord):
                records.append(record)
                if split.labels is not None:
                    known.append((record.id, split.labels[row]))
            else:
                rejected.append(record)
    if rejected and (dataset.sizes is not None or not records):
        path, reason = rejected[0]
        raise PipelineError(
            f"{root / path}: expected a picture of {dataset.name}, found none that can be read ({reason}), "
            f"{len(rejected):,} such files in all; bring the originals again"
        )
    write_list(images, records)
    write_table(labels, LABEL_COLUMNS, known)
    names = sorted({label for _, label in known})
    write_table(classes, CLASS_COLUMNS, [(label,) for label in names])
    if any(isinstance(split.pictures, list) for split in splits.values()):
        write_table(images / REJECTED, REJECTED_COLUMNS, rejected)
    if made_from is not None:
        write_made_from(images, made_from)
    counts = {name: sum(record.split == name for record in records) for name in splits}
    sizes = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    left_out = f"; {len(rejected):,} files cannot be read, see {images / REJECTED}" if rejected else ""
    parts = sum(bool(record.remark) for record in records)
    in_part = f"; {parts:,} used in part, see {images / LIST_NAME}" if parts else ""
    alone = _alone(records, dict(known))
    return f"{dataset.name}: {sizes}, {len(names) or 'no'} classes{left_out}{in_part}{alone}"


def _alone(records: Sequence[ImageRecord], known: dict[str, str]) -> str:
    """Names the classes that one labelled split has and another has not; nothing where they all have the same."""
    found: dict[str, set[str]] = {}
    for record in records:
        if record.id in known:
            found.setdefault(record.split, set()).add(known[record.id])
    text = ""
    for split, classes in found.items():
        others = {name for other, held in found.items() if other != split for name in held}
        alone = sorted(classes - others) if len(found) > 1 else []
        if alone:
            more = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
            text += f"; in {split} alone: {', '.join(map(quoted, alone[:SHOWN]))}{more}"
    return text


def _store(images: Path, name: str, pictures: np.ndarray) -> list[ImageRecord]:
    """Writes the array of a split into the folder; its records."""
    file = f"{name}.npy"
    with written_whole(images / file) as aside, aside.open("wb") as stream:
        np.save(stream, pictures, allow_pickle=False)
    width = max(5, len(str(len(pictures) - 1)))
    return [
        ImageRecord(f"{name}-{row:0{width}d}", name, file, row, digest_of(picture.tobytes()))
        for row, picture in enumerate(pictures)
    ]
