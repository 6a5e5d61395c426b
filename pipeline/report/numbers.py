"""The numbers of all cells: the metrics file, and the rows of the tables for `dvc plots`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.config.names import TERMS
from pipeline.report.cells import CellResult

HISTORY_PLOT = ("cell", "method", "run", "step", *TERMS, "total")
CONFUSION_PLOT = ("cell", "method", "actual", "predicted")
UNMATCHED = "unmatched"


def gather(results: list[CellResult]) -> dict[str, dict[str, dict[str, Any]]]:
    """Every cell's scores: data set -> backbone -> method -> what `evaluate` found."""
    gathered: dict[str, dict[str, dict[str, Any]]] = {}
    for result in results:
        scores = {method.name: method.scores for method in result.methods}
        gathered.setdefault(result.cell.dataset, {})[result.cell.backbone] = scores
    return gathered


def gather_means(results: list[CellResult]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """The same in short: each method's means over its runs, on the shown split, in percent; nothing without labels."""
    gathered: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for result in results:
        means = {
            method.name: {name: round(100 * value["mean"], 2) for name, value in method.scores[result.shown].items()}
            for method in result.methods
            if result.labels
        }
        gathered.setdefault(result.cell.dataset, {})[result.cell.backbone] = means
    return gathered


def history_rows(results: list[CellResult]) -> Iterator[list[object]]:
    """The history of every run, in the columns `HISTORY_PLOT`; a term that a method lacks stays empty."""
    for result in results:
        for method in result.methods:
            for row in method.history:
                yield [result.name, method.name, *(row.get(column, "") for column in HISTORY_PLOT[2:])]


def confusion_rows(results: list[CellResult]) -> Iterator[list[object]]:
    """Actual and predicted class of every labelled image of the shown split, in the columns `CONFUSION_PLOT`."""
    for result in results:
        for method in result.methods if result.labels else []:
            for image_id, cluster in zip(method.shown.ids, method.shown.clusters.tolist(), strict=True):
                predicted = method.matched.get(cluster, UNMATCHED)
                yield [result.name, method.name, result.labels[image_id], predicted]
