"""What a fit leaves for each method: the kept run's assignments, all runs' clusters, and how the choice was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.text import quoted

ASSIGNMENTS, RUNS = "assignments.csv", "runs.csv"
ASSIGNMENT_COLUMNS = ("id", "split", "cluster", "confidence", "second", "second_confidence")
RUN_COLUMNS = ("id", "split")
PREDICTED_COLUMNS = ("path", "cluster", "confidence", "second", "second_confidence")
"""The same for people's own pictures, which have paths and no splits."""
NAMED_COLUMNS = (*PREDICTED_COLUMNS, "name")
"""With what people call the cluster."""


@dataclass(frozen=True)
class Assignments:
    """The kept run's clusters, one entry an image."""

    ids: list[str]
    splits: np.ndarray
    """Text (n,)."""
    clusters: np.ndarray
    """int (n,), 0 to k - 1."""
    confidences: np.ndarray
    """float (n,), 0..1."""
    seconds: np.ndarray
    """int (n,), the second choices."""
    second_confidences: np.ndarray
    """float (n,), 0..1."""


def write_predictions(
    folder: Path,
    ids: Sequence[str],
    splits: Sequence[str],
    logits: np.ndarray,
    confidences: np.ndarray,
    runs: np.ndarray,
) -> None:
    """Writes both tables.

    Args:
        folder: of the method.
        ids: the image ids.
        splits: the split of each.
        logits: float (n, clusters), of the kept run; the largest is the cluster, the next the second choice.
        confidences: float (n, clusters), 0..1, of the kept run.
        runs: int (n, runs), the cluster of each image in each run.
    """
    write_choices(folder, ids, splits, *best_two(logits, confidences), runs)


def write_choices(
    folder: Path,
    ids: Sequence[str],
    splits: Sequence[str],
    order: np.ndarray,
    best: np.ndarray,
    runs: np.ndarray,
) -> None:
    """As `write_predictions`, of what `best_two` gives."""
    rows = (
        (image_id, split, int(first), f"{p:.6f}", int(second), f"{q:.6f}")
        for image_id, split, (first, second), (p, q) in zip(ids, splits, order, best, strict=True)
    )
    write_table(folder / ASSIGNMENTS, ASSIGNMENT_COLUMNS, rows)
    columns = [*RUN_COLUMNS, *(f"run_{number}" for number in range(runs.shape[1]))]
    members = ((image_id, split, *row.tolist()) for image_id, split, row in zip(ids, splits, runs, strict=True))
    write_table(folder / RUNS, columns, members)


def best_two(logits: np.ndarray, confidences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cluster and the second choice of each row of logits, int (n, 2), and their confidences, (n, 2)."""
    first = logits.argmax(1)
    count, clusters = logits.shape
    if clusters == 1:
        order = first[:, None]
    else:
        others = logits[np.arange(clusters) != first[:, None]].reshape(count, clusters - 1)
        second = others.argmax(1)
        order = np.stack([first, second + (second >= first)], 1)
    return order, np.take_along_axis(confidences, order, 1)


def predicted_methods(folder: Path, again: str) -> list[str]:
    """The methods that have a folder in this one, in order; `again` is what the user runs for them, for the error.

    Raises:
        PipelineError: if there are none.
    """
    there = folder.iterdir() if folder.is_dir() else ()
    methods = sorted(path.name for path in there if path.is_dir() and not path.name.startswith("."))
    if not methods:
        raise PipelineError(f"{folder}: nothing of a method is here; run '{again}'")
    return methods


def read_assignments(folder: Path, again: str = "pipeline fit") -> Assignments:
    """Reads the kept run's assignments of a method; `again` is what the user runs to make them, for the error.

    Raises:
        PipelineError: if the table is missing or damaged.
    """
    path = folder / ASSIGNMENTS
    rows = read_table(path, ASSIGNMENT_COLUMNS, again)
    with numbers_of(path, again):
        return Assignments(
            ids=[row["id"] for row in rows],
            splits=np.array([row["split"] for row in rows], dtype=np.str_),
            clusters=np.array([whole(row["cluster"]) for row in rows], dtype=np.int64),
            confidences=np.array([share(row["confidence"]) for row in rows], dtype=np.float64),
            seconds=np.array([whole(row["second"]) for row in rows], dtype=np.int64),
            second_confidences=np.array([share(row["second_confidence"]) for row in rows], dtype=np.float64),
        )


def read_runs(folder: Path, again: str = "pipeline fit") -> np.ndarray:
    """The clusters of all runs, int (n, runs), rows as in the assignments; `again` as in `read_assignments`.

    Raises:
        PipelineError: if the table is missing or damaged.
    """
    path = folder / RUNS
    rows = read_table(path, RUN_COLUMNS, again)
    with numbers_of(path, again):
        runs = [[whole(value) for value in list(row.values())[len(RUN_COLUMNS) :]] for row in rows]
        return np.array(runs, dtype=np.int64).reshape(len(rows), -1 if rows else 0)


MOST_CLUSTERS = 10**6


def whole(text: str) -> int:
    """The number of a cluster, 0 or more.

    Raises:
        ValueError: if the text is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) < MOST_CLUSTERS):
        raise ValueError(f"expected the number of a cluster, found {quoted(text)}")
    return int(text)


def share(text: str) -> float:
    """A confidence, 0..1.

    Raises:
        ValueError: if the text is none.
    """
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(f"expected a number from 0 to 1, found {quoted(text)}")
    return value


@contextmanager
def numbers_of(path: Path, again: str) -> Iterator[None]:
    """What is no number in a table ends in the one line that names the table and the command that makes it."""
    try:
        yield
    except ValueError as error:
        raise PipelineError(f"{path}: {error}; run '{again}'") from None
