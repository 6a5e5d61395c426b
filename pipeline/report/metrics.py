"""metrics: all cells -> the metrics, the tables for `dvc plots` and the page. The same inputs give the same bytes."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.base.csv_tables import LABEL_COLUMNS, read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_json, write_text
from pipeline.config.names import CLASSES, CONFUSION, HEAD, HISTORY, SCORES, SUMMARY, TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.config.settings import TERMS, MetricsSettings
from pipeline.features.cache import Features, open_features
from pipeline.heads.predictions import Assignments, read_assignments
from pipeline.images.listing import open_image, read_list, thumbnail
from pipeline.methods import METHODS
from pipeline.methods.saved import SavedModel, load_model
from pipeline.report import plots
from pipeline.report.pages import template
from pipeline.report.results import own_results, published_results

TEMPLATE, PAGE = "page.html.j2", "index.html"

SPLIT_ORDER = (TEST, TRAIN)
"""The first one that a data set has is shown in figures and strips."""
UNMATCHED = "unmatched"

SUMMARY_KEYS = ("settings", "seeds", "losses", "kept", "clusters", "clusters_used")
HISTORY_COLUMNS = ("run", "step")
HISTORY_PLOT = ("cell", "method", "run", "step", *TERMS, "total")
CONFUSION_COLUMNS = ("split", "cluster", "matched", "label", "images")
CONFUSION_PLOT = ("cell", "method", "actual", "predicted")

TABLE_LIMIT = 20
"""Classes or clusters up to which the confusion matrix is a table with numbers; above, a picture."""
LABEL_LIMIT = 25
"""Groups up to which a map carries their names."""
STRIP_SIDE = 64
"""Pixels of a thumbnail."""
CONFUSIONS = 5
"""The most frequent mistakes that are told in words."""


@dataclass(frozen=True)
class MethodResult:
    """What a method left in a cell; everything about images is of the shown split."""

    name: str
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
    def title(self) -> str:
        """The name as papers write it."""
        return METHODS[self.name].title if self.name in METHODS else self.name

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


def report(cells: list[Cell], settings: MetricsSettings, metrics: Path, plot_folder: Path, page_folder: Path) -> Path:
    """Gathers the cells and writes the metrics file, the tables for `dvc plots` and the page.

    Args:
        cells: what to report, each fitted and evaluated.
        settings: how many images the page shows.
        metrics: the JSON file to write: data set -> backbone -> method -> what `evaluate` found.
        plot_folder: gets ``history.csv``, the objective's terms of all runs, and ``confusion.csv``, one row for each
            labelled image of the shown split; what was there is replaced.
        page_folder: gets ``index.html``, one file that needs no other; what was there is replaced.

    Returns:
        the path of the page.

    Raises:
        PipelineError: if a cell lacks an input, an input is damaged, or they are not about the same images.
    """
    results = [read_cell(cell) for cell in cells]
    page = render([cell_view(result, settings) for result in results])

    shutil.rmtree(plot_folder, ignore_errors=True)
    shutil.rmtree(page_folder, ignore_errors=True)
    write_json(metrics, gather(results))
    write_table(plot_folder / "history.csv", HISTORY_PLOT, history_rows(results))
    write_table(plot_folder / "confusion.csv", CONFUSION_PLOT, confusion_rows(results))
    # File names that are no UTF-8 are legal ids, but not legal in a page.
    write_text(page_folder / PAGE, page.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return page_folder / PAGE


# Reading


def ordered(splits: dict[str, Any]) -> list[str]:
    """The names of the splits, the one to show first."""
    return sorted(splits, key=lambda name: SPLIT_ORDER.index(name) if name in SPLIT_ORDER else len(SPLIT_ORDER))


def read_cell(cell: Cell) -> CellResult:
    """Reads what the stages left of a cell.

    Raises:
        PipelineError: if something is missing or damaged, and which stage makes it.
    """
    again = f"pipeline evaluate --dataset {cell.dataset} --backbone {cell.backbone}"
    scores = read_json(cell.evaluation / SCORES, again)
    labels = {row["id"]: row["label"] for row in read_table(cell.evaluation / CLASSES, LABEL_COLUMNS, again)}
    features = open_features(cell.features)
    for method in scores:
        wanted = ("runs", "clusters_used", *(features.splits if labels else ()))
        check_keys(cell.evaluation / SCORES, scores[method], wanted, again)
    known = [name for name in METHODS if name in scores]
    names = known + [name for name in scores if name not in known]
    shown = ordered(features.splits)[0]
    methods = [read_method(cell, name, scores[name], shown, labelled=bool(labels)) for name in names]
    return CellResult(cell, features, methods, labels)


def read_method(cell: Cell, name: str, scores: dict[str, Any], shown: str, labelled: bool) -> MethodResult:
    """Reads what a method left in a cell, images of the split `shown` alone.

    Raises:
        PipelineError: as `read_cell`.
    """
    options = f"--dataset {cell.dataset} --backbone {cell.backbone}"
    folder = cell.heads / name
    summary = read_json(folder / SUMMARY, f"pipeline fit {options}")
    check_keys(folder / SUMMARY, summary, SUMMARY_KEYS, f"pipeline fit {options}")
    matrix = []
    if labelled:
        path = cell.evaluation / name / CONFUSION
        rows = read_table(path, CONFUSION_COLUMNS, f"pipeline evaluate {options}")
        matrix = [row for row in rows if row["split"] == shown]
    return MethodResult(
        name=name,
        scores=scores,
        summary=summary,
        history=read_table(folder / HISTORY, HISTORY_COLUMNS, f"pipeline fit {options}"),
        saved=load_model(folder / HEAD),
        shown=of_split(read_assignments(cell.predictions / name), shown),
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


# Numbers


def gather(results: list[CellResult]) -> dict[str, dict[str, dict[str, Any]]]:
    """Every cell's scores: data set -> backbone -> method -> what `evaluate` found."""
    gathered: dict[str, dict[str, dict[str, Any]]] = {}
    for result in results:
        scores = {method.name: method.scores for method in result.methods}
        gathered.setdefault(result.cell.dataset, {})[result.cell.backbone] = scores
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


# Views: what the template shows, as plain data


def render(views: list[dict[str, Any]]) -> str:
    """The page of these cells; every text in it is escaped."""
    return template(TEMPLATE).render(cells=views)


def cell_view(result: CellResult, settings: MetricsSettings) -> dict[str, Any]:
    """Everything that the page tells of a cell."""
    published = published_results(result.cell.dataset)
    ours = {method.title for method in result.methods}
    scores = {method.name: method.scores for method in result.methods}
    own = own_results(result.cell.dataset, result.cell.backbone, scores)
    return {
        "result": result,
        "own": own,
        "published": [row for row in published if row.method in ours],
        "published_others": [row for row in published if row.method not in ours],
        "curves": {method.name: curve_views(result, method) for method in result.methods},
        "maps": map_views(result, settings),
        "clusters": {method.name: cluster_views(method) for method in result.methods},
        "matrices": {method.name: matrix_view(method) for method in result.methods if result.labels},
        "strips": strip_views(result, settings.strip_images),
    }


def curve_views(result: CellResult, method: MethodResult) -> list[dict[str, Any]]:
    """A figure for each term of a method's history."""
    views = []
    for term in method.terms:
        curves: dict[int, list[tuple[float, float]]] = {}
        for row in method.history:
            curves.setdefault(int(row["run"]), []).append((float(row["step"]), float(row[term])))
        svg = plots.curves_svg(curves, method.kept, f"{result.name} {method.name} {term}")
        views.append({"term": term, "svg": Markup(svg), "last": curves[method.kept][-1][1]})
    return views


def map_views(result: CellResult, settings: MetricsSettings) -> list[dict[str, Any]]:
    """The main method's maps: embeddings beside logits, coloured by cluster and, with labels, by class.

    Raises:
        PipelineError: if the cache and the predictions are not about the same images.
    """
    shown = result.main.shown
    embeddings = result.features.read(result.shown)
    check_images(result, embeddings.ids)
    chosen = plots.sample(len(shown.ids), settings.map_images, settings.seed)
    clean = embeddings.clean[chosen]
    spaces = {"Embeddings": clean, "Logits": result.main.saved.model.logits(clean)}
    places = plots.project_each(spaces, settings.seed)
    clusters = shown.clusters[chosen]
    views = [map_view(space, "cluster", at, clusters, str) for space, at in places.items()]
    if result.labels:
        groups = class_groups(result)
        names = {group: name for name, group in groups.items()}
        classes = np.array([groups[result.labels[shown.ids[row]]] for row in chosen])
        views += [map_view(space, "class", at, classes, names.__getitem__) for space, at in places.items()]
    return views


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
            f"{result.cell.evaluation / CLASSES}: expected a class for every image, found none for "
            f"'{min(unknown)}'; run 'pipeline evaluate {options}'"
        )


def class_groups(result: CellResult) -> dict[str, int]:
    """A number for each class: that of the cluster matched to it, so that both look alike, else a free one."""
    groups = {name: cluster for cluster, name in result.main.matched.items()}
    free = int(result.main.summary["clusters"])
    for name in sorted(set(result.labels.values()) - set(groups)):
        groups[name] = free
        free += 1
    return groups


def map_view(
    space: str, kind: str, places: np.ndarray, groups: np.ndarray, name: Callable[[int], str]
) -> dict[str, Any]:
    """A map with the names of its groups at their places, in percent from the top left."""
    centres = plots.centres(places, groups)
    labels = [
        {"text": name(group), "left": 100 * x, "top": 100 * (1 - y), "mark": plots.mark(group)}
        for group, (x, y) in centres.items()
    ]
    return {
        "space": space,
        "kind": kind,
        "images": len(places),
        "uri": plots.data_uri(plots.map_png(places, groups), "png"),
        "labels": labels if len(labels) <= LABEL_LIMIT else [],
    }


def cluster_views(method: MethodResult) -> list[dict[str, Any]]:
    """Every cluster with its size and the class that it is matched to, empty ones included."""
    sizes = Counter(method.shown.clusters.tolist())
    largest = max(sizes.values(), default=1)
    return [
        {
            "cluster": cluster,
            "mark": plots.mark(cluster),
            "images": sizes[cluster],
            "width": 100 * sizes[cluster] / largest,
            "matched": method.matched.get(cluster),
            "hits": method.counts.get((cluster, method.matched.get(cluster, "")), 0),
        }
        for cluster in range(int(method.summary["clusters"]))
    ]


def matrix_view(method: MethodResult) -> dict[str, Any]:
    """The confusion matrix, clusters in the order of the classes that they are matched to.

    A small one is a table: for each class the number of images, their share of the class, and whether cluster and class
    are matched, by cluster. A large one is a picture. Either way with the most frequent mistakes.
    """
    names = sorted({name for _, name in method.counts})
    found = {cluster for cluster, _ in method.counts}
    clusters = sorted(found, key=lambda cluster: (cluster not in method.matched, method.matched.get(cluster), cluster))
    counts = np.array([[method.counts[cluster, name] for cluster in clusters] for name in names])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    mistakes = Counter({key: count for key, count in method.counts.items() if method.matched.get(key[0]) != key[1]})
    small = max(counts.shape) <= TABLE_LIMIT
    return {
        "columns": [(cluster, method.matched.get(cluster)) for cluster in clusters],
        "rows": [
            {
                "name": name,
                "cells": [
                    {"images": count, "share": share, "hit": method.matched.get(cluster) == name}
                    for cluster, count, share in zip(clusters, row.tolist(), row_shares.tolist(), strict=True)
                ],
            }
            for name, row, row_shares in zip(names, counts, shares, strict=True)
        ],
        "uri": None if small else plots.data_uri(plots.matrix_png(shares), "png"),
        "mistakes": [
            {"name": name, "cluster": cluster, "matched": method.matched.get(cluster), "images": count}
            for (cluster, name), count in mistakes.most_common(CONFUSIONS)
            if count
        ],
    }


def strip_views(result: CellResult, most: int) -> list[dict[str, Any]]:
    """For each cluster in use of the main method its most typical and its most uncertain images, none twice.

    Raises:
        PipelineError: if a picture is not in the image list any more, or cannot be opened.
    """
    records = {record.id: record for record in read_list(result.cell.images)}
    shown, matched = result.main.shown, result.main.matched

    def picture(row: int) -> dict[str, Any]:
        image_id, cluster = shown.ids[row], int(shown.clusters[row])
        if image_id not in records:
            raise PipelineError(
                f"{result.cell.images}: expected the image '{image_id}' of {result.cell.predictions}, but the list "
                f"lacks it; run 'dvc repro', which brings every stage up to date"
            )
        label = result.labels.get(image_id)
        return {
            "id": image_id,
            "uri": plots.data_uri(thumbnail(open_image(result.cell.images, records[image_id]), STRIP_SIDE), "webp"),
            "confidence": float(shown.confidences[row]),
            "label": label,
            "wrong": label != matched.get(cluster),
        }

    views = []
    for view in filter(lambda view: view["images"], cluster_views(result.main)):
        members = np.flatnonzero(shown.clusters == view["cluster"])
        order = members[np.argsort(-shown.confidences[members], kind="stable")].tolist()
        typical, uncertain = order[:most], order[most:][::-1][:most]
        views.append({**view, "typical": list(map(picture, typical)), "uncertain": list(map(picture, uncertain))})
    return views
