"""All methods on a cell: their runs, accuracies and criteria, read from what the stages have left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import read_table
from pipeline.base.files import read_json
from pipeline.config.names import CLASSES, LABEL_COLUMNS, SUMMARY, TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.evaluation.ceilings import neighbour_accuracy, probe_accuracy
from pipeline.evaluation.scores import METRICS
from pipeline.evaluation.settings import CeilingSettings
from pipeline.experiments.costs import seconds_a_run
from pipeline.experiments.run_criteria import LOSS, run_criteria
from pipeline.experiments.studies import leaderboard
from pipeline.features.cache import open_features
from pipeline.heads.method import MethodEntry, Methods
from pipeline.heads.predictions import predicted_methods, read_assignments, read_runs


@dataclass(frozen=True)
class Entry:
    """A method on a cell."""

    title: str
    method: str
    alone: bool
    """See `MethodEntry.objective_alone`."""
    runs: np.ndarray
    """int (images, runs), all splits."""
    losses: np.ndarray
    kept: int
    clusters: int
    """How many its model knows."""
    seconds: float | None
    """A run; None where no file tells."""
    peak_bytes: int | None


@dataclass(frozen=True)
class Board:
    """All methods on a cell."""

    title: str
    entries: list[Entry]
    scored: str
    """The split that the accuracies are of."""
    accuracies: list[dict[str, np.ndarray]]
    """For each entry, by metric, the value of each run, 0..1; empty without labels."""
    criteria: list[dict[str, np.ndarray]]
    """For each entry, by criterion, the value of each run on the train split: the more the better."""
    ceilings: dict[str, float]
    """Accuracies with labels, 0..1."""


def read_board(
    variants: Mapping[str, Cell],
    run_file_of: Callable[[Cell, str], Path],
    again: str,
    study: leaderboard.Settings,
    ceilings: CeilingSettings,
    methods: Methods,
) -> Board:
    """All methods on a cell; the arguments are those of the stage `compare`.

    Raises:
        PipelineError: if the cache, predictions or scores are missing.
    """
    entries: list[Entry] = []
    for name, cell in variants.items():
        cost = run_file_of(cell, name)
        about = read_json(cost, again) if cost.is_file() else {}
        entries += [
            _entry(name, method, methods[method], cell, about, again)
            for method in predicted_methods(cell.predictions, again)
        ]
    order = [*methods]
    entries.sort(key=lambda entry: order.index(entry.method))
    cell = next(iter(variants.values()))
    first = predicted_methods(cell.predictions, again)[0]
    assigned = read_assignments(cell.predictions / first, again)
    table = read_table(cell.evaluation / first / CLASSES, LABEL_COLUMNS, again)
    known = {row["id"]: row["label"] for row in table}
    scored = TEST if TEST in assigned.splits else TRAIN
    accuracies: list[dict[str, np.ndarray]] = [{} for _ in entries]
    found: dict[str, float] = {}
    clean = open_features(cell.features).read(TRAIN).clean
    in_train = assigned.splits == TRAIN
    if known:
        classes = np.unique([known[image_id] for image_id in assigned.ids], return_inverse=True)[1]
        members = assigned.splits == scored
        for entry, values in zip(entries, accuracies, strict=True):
            for metric, score in METRICS.items():
                values[metric] = np.array([score(run, classes[members]) for run in entry.runs[members].T])
        found = {
            "linear probe": probe_accuracy(clean, classes[in_train], ceilings),
            "k nearest neighbours": neighbour_accuracy(clean, classes[in_train], ceilings),
        }
    criteria = run_criteria([entry.runs[in_train] for entry in entries], clean, study)
    for entry, values in zip(entries, criteria, strict=True):
        values[LOSS] = -entry.losses
    return Board(f"{cell.dataset} x {cell.backbone}", entries, scored, accuracies, criteria, found)


def _entry(variant: str, method: str, entry: MethodEntry, cell: Cell, about: dict[str, Any], again: str) -> Entry:
    summary = read_json(cell.heads / method / SUMMARY, again)
    return Entry(
        leaderboard.titled(entry.marked, variant),
        method,
        entry.objective_alone,
        read_runs(cell.predictions / method, again),
        np.array(summary["losses"]),
        summary["kept"],
        summary["clusters"],
        seconds_a_run(about, method, len(summary["losses"])),
        about.get("peak_memory_bytes", {}).get("parts", {}).get(method),
    )
