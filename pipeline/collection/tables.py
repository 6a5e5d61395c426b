"""The tables of a clustering: assignments.csv and .parquet, and aside.csv."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.files import written_whole
from pipeline.base.text import printable
from pipeline.collection.edited import Edited
from pipeline.collection.numbers import Numbers
from pipeline.collection.result import Collection
from pipeline.heads.predictions import NAMED_COLUMNS, PREDICTED_COLUMNS, Assignments, numbers_of, share, whole

ASIDE_COLUMNS = ("path",)
Sure = Callable[[np.ndarray, Sequence[np.ndarray]], list[np.ndarray]]
"""From the clusters of all pictures, int (n,), and others that they may have, how sure each is, float (n,)."""


def corrected(found: Assignments, edited: Edited, logits: np.ndarray, rows: np.ndarray, sure: Sure) -> Assignments:
    """The assignments as people see them, without the pictures that are set aside.

    The second choice is the head's best that leads to another cluster: of a picture that was moved it is where the head
    would have it.

    Args:
        found: what the head says.
        edited: what becomes of it.
        logits: float (n, outputs), its own.
        rows: float (n, dim), the embeddings.
        sure: says how sure clusters are, as `confidences` does.
    """
    shown = np.array([cluster is not None for cluster in edited.applied.clusters], dtype=bool)
    clusters = np.array([-1 if cluster is None else cluster for cluster in edited.applied.clusters], dtype=np.int64)
    first, seconds = edited.pictures.clusters, edited.rules.resolve(found.seconds, rows)
    odd = np.flatnonzero(shown & ((seconds == clusters) | (first != clusters)))
    if len(odd) and edited.rules.actions:
        order = np.argsort(-logits[odd], axis=1, kind="stable")
        seconds[odd], _ = edited.rules.seconds(clusters[odd], order, rows[odd])
    # Those set aside are a cluster of their own.
    _, dense = np.unique(np.concatenate([clusters, seconds]), return_inverse=True)
    own, other = dense[: len(clusters)], dense[len(clusters) :]
    confidences, second_confidences = sure(own, [own, other])
    every = (found.splits, clusters, confidences.round(6), seconds, second_confidences.round(6))
    ids = [name for name, is_shown in zip(found.ids, shown, strict=True) if is_shown]
    return Assignments(ids, *(column[shown] for column in every))


def write_assignments(path: Path, found: Assignments, numbers: Numbers) -> None:
    """Writes the CSV file and the same table as Parquet, where a path that is no UTF-8 shows its odd bytes as �."""
    names = [numbers.called(cluster) for cluster in found.clusters.tolist()]
    columns = (found.ids, found.clusters, found.confidences, found.seconds, found.second_confidences, names)
    rows = zip(*(column if isinstance(column, list) else column.tolist() for column in columns), strict=True)
    write_table(path.with_suffix(".csv"), NAMED_COLUMNS, rows)
    arrays = [
        pyarrow.array([printable(path) for path in found.ids], pyarrow.string()),
        pyarrow.array(found.clusters.astype(np.int32)),
        pyarrow.array(found.confidences.astype(np.float32)),
        pyarrow.array(found.seconds.astype(np.int32)),
        pyarrow.array(found.second_confidences.astype(np.float32)),
        pyarrow.array(names, pyarrow.string()),
    ]
    # Arrow takes no path that is no UTF-8, but an open file.
    with written_whole(path.with_suffix(".parquet")) as aside, aside.open("wb") as file:
        pyarrow.parquet.write_table(pyarrow.table(arrays, names=list(NAMED_COLUMNS)), file)


def write_aside(collection: Collection, edited: Edited) -> None:
    """Writes aside.csv, or removes it where nothing is set aside."""
    pairs = zip(edited.pictures.paths, edited.applied.clusters, strict=True)
    paths = [path for path, cluster in pairs if cluster is None]
    if paths:
        write_table(collection.aside, ASIDE_COLUMNS, ((path,) for path in paths))
    else:
        collection.aside.unlink(missing_ok=True)


def read_aside(collection: Collection) -> set[str]:
    """The pictures that are set aside.

    Raises:
        PipelineError: if the table is damaged.
    """
    if not collection.aside.exists():
        return set()
    return {row["path"] for row in read_table(collection.aside, ASIDE_COLUMNS, "pipeline cluster")}


def read_shown(collection: Collection) -> Assignments:
    """Reads assignments.csv.

    Raises:
        PipelineError: if the table is missing or damaged.
    """
    path = collection.assignments.with_suffix(".csv")
    rows = read_table(path, PREDICTED_COLUMNS, "pipeline cluster")
    with numbers_of(path, "pipeline cluster"):
        return Assignments(
            ids=[row["path"] for row in rows],
            splits=np.full(len(rows), "", dtype=np.str_),
            clusters=np.array([whole(row["cluster"]) for row in rows], dtype=np.int64),
            confidences=np.array([share(row["confidence"]) for row in rows], dtype=np.float64),
            seconds=np.array([whole(row["second"]) for row in rows], dtype=np.int64),
            second_confidences=np.array([share(row["second_confidence"]) for row in rows], dtype=np.float64),
        )
