"""What the stages left of a cell, read for the page and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json
from pipeline.config.names import CLASSES, CONFUSION, HEAD, HISTORY, LABEL_COLUMNS, SCORES, SUMMARY, TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.features.cache import Features, open_features
from pipeline.heads.method import Methods
from pipeline.heads.predictions import Assignments, read_assignments
from pipeline.heads.saved import SavedModel, load_model

SPLIT_ORDER = (TEST, TRAIN)
"""The first one that a data set has is shown in figures and strips."""

SUMMARY_KEYS = ("settings", "seeds", "losses", "kept", "clusters", "clusters_used")
HISTORY_COLUMNS = ("run", "step")
CONFUSION_COLUMNS = ("split", "cluster", "matched", "label", "images")


@dataclass(frozen=True)
class MethodResult:
    """What a method left in a cell; everything about images is of the shown split."""

    name: str
    title: str
    """The name as papers write it."""
    scores: dict[str, Any]
    """What `evaluate` found: runs, clusters_used and, with labels, the metrics of each split."""
    summary: dict[str, Any]
    """What `fit` says of the runs: seeds, losses, kept, clusters and clusters_used."""
    history: list[dict[str, str]]
    saved: SavedModel
    shown: Assignments
    matched: dict[int, str]
    """The class of each matched cluster; empty without labels."""
    counts: dict[tuple[int, str], int]
    """Images of each cluster and class; empty without labels."""

    @property
    def kept(self) -> int:
        """The number of the kept run."""
        return int(self.summary["kept"])

    @property
    def terms(self) -> list[str]:
        """What the history tells beside run and step."""
        return [column for column in self.history[0] if column not in HISTORY_COLUMNS] if self.history else []


@dataclass(frozen=True)
class CellResult:
    """A cell with everything that the page tells of it."""

    cell: Cell
    features: Features
    methods: list[MethodResult]
    """In the order of the registry; the first is the one whose clusters are shown image by image."""
    labels: dict[str, str]
    """The class of each image, by id; empty without labels."""
    registry: Methods

    @property
    def name(self) -> str:
        """Data set and backbone."""
        return f"{self.cell.dataset} x {self.cell.backbone}"

    @property
    def main(self) -> MethodResult:
        """The method whose clusters are shown."""
        return self.methods[0]

    @property
    def splits(self) -> dict[str, int]:
        """Images of each split, the shown one first."""
        return {name: self.features.splits[name] for name in ordered(self.features.splits)}

    @property
    def shown(self) -> str:
        """The split that figures and strips show."""
        return next(iter(self.splits))


def ordered(splits: dict[str, Any]) -> list[str]:
    """The names of the splits, the one to show first."""
    return sorted(splits, key=lambda name: SPLIT_ORDER.index(name) if name in SPLIT_ORDER else len(SPLIT_ORDER))


def read_cell(cell: Cell, names: Sequence[str], registry: Methods) -> CellResult:
    """Reads what the stages left of a cell; its methods come in the order of the registry.

    Args:
        cell: where it is.
        names: of the methods; what others left is not looked at.
        registry: of all methods.

    Raises:
        PipelineError: if something is missing or damaged, and which stage makes it.
    """
    order = [name for name in registry if name in names]
    order += [name for name in names if name not in order]
    features = open_features(cell.features)
    labels = read_classes(cell, order[0])
    scores = {name: read_scores(cell, name, [*features.splits] if labels else []) for name in order}
    shown = ordered(features.splits)[0]
    methods = [read_method(cell, name, scores[name], shown, bool(labels), registry) for name in order]
    return CellResult(cell, features, methods, labels, registry)


def read_classes(cell: Cell, method: str, study: str | None = None) -> dict[str, str]:
    """The class of each image, by id, as `evaluate` wrote them with a method's scores; empty without labels.

    Raises:
        PipelineError: if they are missing or damaged.
    """
    again = evaluate_command(cell, None if study else method, study)
    return {row["id"]: row["label"] for row in read_table(cell.evaluation / method / CLASSES, LABEL_COLUMNS, again)}


def read_scores(cell: Cell, method: str, splits: Sequence[str], study: str | None = None) -> dict[str, Any]:
    """What `evaluate` found of a method: its runs and clusters, and the metrics of each of these splits.

    Raises:
        PipelineError: if it is missing or damaged.
    """
    path, again = cell.evaluation / method / SCORES, evaluate_command(cell, None if study else method, study)
    scores = read_json(path, again)
    check_keys(path, scores, ("runs", "clusters_used", *splits), again)
    return scores


def evaluate_command(cell: Cell, method: str | None, study: str | None = None) -> str:
    """What scores a method of a cell, or a study on it."""
    options = f" --study {study}" if study else ""
    more = f" --method {method}" if method else ""
    return f"pipeline evaluate{options} --dataset {cell.dataset} --backbone {cell.backbone}{more}"


def read_method(
    cell: Cell, name: str, scores: dict[str, Any], shown: str, labelled: bool, registry: Methods
) -> MethodResult:
    """Reads what a method left in a cell, images of the split `shown` alone.

    Raises:
        PipelineError: as `read_cell`.
    """
    options = f"--dataset {cell.dataset} --backbone {cell.backbone} --method {name}"
    folder = cell.heads / name
    summary = read_json(folder / SUMMARY, f"pipeline fit {options}")
    check_keys(folder / SUMMARY, summary, SUMMARY_KEYS, f"pipeline fit {options}")
    matrix = []
    if labelled:
        path = cell.evaluation / name / CONFUSION
        rows = read_table(path, CONFUSION_COLUMNS, evaluate_command(cell, name))
        matrix = [row for row in rows if row["split"] == shown]
    return MethodResult(
        name=name,
        title=registry[name].marked if name in registry else name,
        scores=scores,
        summary=summary,
        history=read_table(folder / HISTORY, HISTORY_COLUMNS, f"pipeline fit {options}"),
        saved=load_model(folder / HEAD, registry),
        shown=of_split(read_assignments(cell.predictions / name, f"pipeline fit {options}"), shown),
        matched={int(row["cluster"]): row["matched"] for row in matrix if row["matched"]},
        counts={(int(row["cluster"]), row["label"]): int(row["images"]) for row in matrix},
    )


def check_keys(path: Path, value: dict[str, Any], wanted: Iterable[str], again: str) -> None:
    """Refuses a JSON object, or one inside of it, that lacks a key.

    Raises:
        PipelineError: naming the first key that is missing.
    """
    for key in wanted:
        if key not in value:
            raise PipelineError(f"{path}: expected '{key}', found {', '.join(value)}; run '{again}'")


def of_split(assignments: Assignments, split: str) -> Assignments:
    """The assignments of one split's images."""
    members = np.flatnonzero(assignments.splits == split)
    return Assignments(
        [assignments.ids[row] for row in members],
        assignments.splits[members],
        assignments.clusters[members],
        assignments.confidences[members],
        assignments.seconds[members],
        assignments.second_confidences[members],
    )


def check_images(result: CellResult, ids: list[str]) -> None:
    """Refuses predictions of other images than the cache's, given by the ids of the shown split, and such labels.

    Raises:
        PipelineError: naming the stage that is out of date.
    """
    options = f"--dataset {result.cell.dataset} --backbone {result.cell.backbone}"
    for method in result.methods:
        if method.shown.ids != ids:
            raise PipelineError(
                f"{result.cell.predictions / method.name}: expected the {len(ids)} images of the split "
                f"'{result.shown}' of {result.cell.features}, found {len(method.shown.ids)}, others or in another "
                f"order; run 'pipeline fit {options}'"
            )
    unknown = set(ids) - set(result.labels) if result.labels else set()
    if unknown:
        raise PipelineError(
            f"{result.cell.evaluation / result.main.name / CLASSES}: expected a class for every image, found none for "
            f"'{min(unknown)}'; run 'pipeline evaluate {options}'"
        )
