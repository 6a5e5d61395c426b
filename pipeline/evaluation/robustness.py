"""Scores of the study of robustness: against the classes, and, without labels, against the clean clustering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.metrics.cluster import contingency_matrix

from pipeline.base.csv_tables import read_rows, write_table
from pipeline.base.errors import PipelineError
from pipeline.config.disturbed import CLEAN, CONFIDENCE, MARK, PREDICTED, SCORE_COLUMNS, SCORES, SHIFTED, UNEVEN
from pipeline.evaluation.labels import read_labels
from pipeline.evaluation.scores import METRICS, accuracy, ari

STABILITY = ("same", "moved", "foretold", "left", "gathered")
"""The metrics without labels: ARI with the clean clustering, the share of pictures that moved, the AUROC of a low
confidence for that, the share of uncorrupted pictures that moved, and the largest share of corrupted pictures in a
cluster."""


@dataclass(frozen=True)
class Table:
    """Each picture's cluster in every run of each method."""

    ids: list[str]
    columns: dict[tuple[str, int], np.ndarray]
    marked: np.ndarray | None
    """Bool, the corrupted ones of a mixed set."""

    @classmethod
    def read(cls, path: Path) -> Table:
        """Reads a table that a fit has left.

        Raises:
            PipelineError: if it is missing or damaged.
        """
        rows = list(read_rows(path, ("id",), "pipeline disturb fit"))
        ids = [row["id"] for row in rows]
        names = [name for name in rows[0] if name != "id"] if rows else []
        values = {name: np.array([float(row[name]) for row in rows]) for name in names}
        marked = values.pop(MARK).astype(bool) if MARK in values else None
        columns = {}
        for name, column in values.items():
            method, _, run = name.rpartition(":")
            columns[method, int(run)] = column
        return cls(ids, columns, marked)


def purity(clusters: np.ndarray, classes: np.ndarray) -> float:
    """The share of pictures that are of the most frequent class of their cluster, 0..1."""
    return float(contingency_matrix(classes, clusters).max(0).sum() / len(classes))


def against_clean(
    clusters: np.ndarray, clean: np.ndarray, confidences: np.ndarray | None, marked: np.ndarray | None
) -> Iterator[tuple[str, float]]:
    """What a clustering has kept of that of the clean pictures, without labels.

    Args:
        clusters: int (n,), of the disturbed pictures.
        clean: int (n,), of the same pictures when they are clean.
        confidences: float (n,), of the latter, where the same head has assigned both; None: the clusters of two fits
            are matched one to one first.
        marked: bool (n,), which pictures are corrupted; None: all or none.

    Yields:
        a metric's name, see `STABILITY`, and its value.
    """
    yield "same", ari(clusters, clean)
    if confidences is not None:
        moved = clusters != clean
        yield "moved", float(moved.mean())
        if 0 < moved.sum() < len(moved):
            yield "foretold", float(roc_auc_score(moved, -confidences))
        return
    yield "moved", 1 - accuracy(clusters, clean)
    if marked is not None and 0 < marked.sum() < len(marked):
        yield "left", 1 - accuracy(clusters[~marked], clean[~marked])
        yield "gathered", max(float(marked[clusters == each].mean()) for each in np.unique(clusters))


def evaluate_robustness(predictions: Path, labels: Path, dataset: str, out: Path) -> int:
    """Scores all tables of a cell.

    Args:
        predictions: the folder of the tables.
        labels: the folder of the label tables.
        dataset: of the cell; pictures of another one are scored by that one's labels.
        out: the folder for `SCORES`: a row for each trial, method, run and metric.

    Returns:
        how many scores there are.

    Raises:
        PipelineError: if a table is missing or damaged, or a picture has no label where others have.
    """
    clean, confidence = (Table.read(predictions / f"{name}.csv") for name in (CLEAN, CONFIDENCE))
    place = {image_id: row for row, image_id in enumerate(clean.ids)}
    rows: list[tuple[object, ...]] = []
    for path in sorted(predictions.glob("*.csv")):
        name = path.stem
        axis = name.partition("_")[0]
        if axis == CONFIDENCE:
            continue
        table = Table.read(path)
        of = name.removeprefix(f"{SHIFTED}_") if axis == SHIFTED else dataset
        if of != dataset:
            _check_shift(dataset, of, labels)
        truth = _classes(table.ids, labels / f"{of}.csv")
        own = [] if axis in (CLEAN, SHIFTED, UNEVEN) else [place[image_id] for image_id in table.ids]
        for (method, run), clusters in table.columns.items():
            found: list[tuple[str, float]] = []
            if truth is not None:
                found = [(metric, score(clusters, truth)) for metric, score in METRICS.items()]
                found.append(("purity", purity(clusters, truth)))
            if own:
                sure = confidence.columns[method, run][own] if axis == PREDICTED else None
                found += against_clean(clusters, clean.columns[method, run][own], sure, table.marked)
            rows += [(name, method, run, metric, round(value, 6)) for metric, value in found]
    write_table(out / SCORES, SCORE_COLUMNS, rows)
    return len(rows)


def _check_shift(dataset: str, other: str, labels: Path) -> None:
    """Refuses two data sets with labels whose classes are not the same.

    Raises:
        PipelineError: likewise.
    """
    one, two = ({*read_labels(labels / f"{name}.csv").values()} for name in (dataset, other))
    if one and two and one != two:
        only = sorted(one ^ two)[0]
        raise PipelineError(
            f"params.yaml: studies.robustness.shifts: expected data sets with the same classes, found '{only}' in one "
            f"of {dataset} and {other} alone; remove the pair"
        )


def _classes(ids: list[str], labels: Path) -> np.ndarray | None:
    """The class of each picture as a number; None where there are no labels."""
    known = read_labels(labels)
    missing = [image_id for image_id in ids if image_id not in known] if known else []
    if missing:
        raise PipelineError(f"{labels}: expected a label of '{missing[0]}', found none; run 'pipeline disturb'")
    return np.unique([known[image_id] for image_id in ids], return_inverse=True)[1] if known else None
