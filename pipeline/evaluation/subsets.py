"""Subsets of a data set whose classes are uneven: made by labels, and only ids come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.config.disturbed import SUBSET_COLUMNS
from pipeline.evaluation.labels import read_labels
from pipeline.images.listing import read_list, sample


def uneven(classes: np.ndarray, ratio: float, half: bool, seed: int) -> np.ndarray:
    """Rows of a subset whose classes have other sizes than one another.

    Args:
        classes: int (n,), from 0 without a gap.
        ratio: of the smallest to the largest; class c of C keeps ratio^(c / (C - 1)) of the smallest class's size.
        half: the second half of the classes keeps `ratio` of it instead, and the first all.
        seed: which ones.

    Returns:
        int, ascending.
    """
    sizes = np.bincount(classes)
    steps = np.linspace(0, 1, len(sizes))
    shares = ratio ** ((steps > 0.5).astype(float) if half else steps)  # Of an odd number the middle one keeps all.
    rng = np.random.default_rng(seed)
    parts = [
        rng.permutation(np.flatnonzero(classes == each))[: max(1, round(float(sizes.min() * share)))]
        for each, share in enumerate(shares)
    ]
    return np.sort(np.concatenate(parts))


def write_subsets(
    images: Path, labels: Path, count: int, subsets: Mapping[str, tuple[float, bool]], seed: int, out: Path
) -> None:
    """Writes a table of the subsets' names, their seed and the ids in them; none without labels.

    Args:
        images: the folder of the image list.
        labels: the label table.
        count: of the list's images at most.
        subsets: by name their ratio, and whether half of the classes are small, see `uneven`.
        seed: likewise.
        out: the table.

    Raises:
        PipelineError: if the list or the labels are missing.
    """
    ids = [record.id for record in sample(read_list(images), count)]
    known = read_labels(labels)
    rows: list[tuple[str, int, str]] = []
    if known:
        classes = np.unique([known[image_id] for image_id in ids], return_inverse=True)[1]
        rows = [(name, seed, ids[row]) for name, how in subsets.items() for row in uneven(classes, *how, seed)]
    write_table(out, SUBSET_COLUMNS, rows)
