"""compare: every method's runs on the same caches -> a leaderboard, and what choices without labels are worth.

Nothing here reads a label file: accuracies come from what `evaluate` wrote, and the criteria see none of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from pipeline.base.csv_tables import read_table
from pipeline.base.files import read_json, write_json, write_text
from pipeline.base.text import markdown_table
from pipeline.config.names import CLASSES, LABEL_COLUMNS, SUMMARY, TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.evaluation.ceilings import neighbour_accuracy, probe_accuracy
from pipeline.evaluation.scores import METRICS
from pipeline.evaluation.settings import CeilingSettings
from pipeline.experiments.settings import LeaderboardStudy
from pipeline.features import quality
from pipeline.features.cache import open_features
from pipeline.features.components import Components
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours
from pipeline.heads.method import Methods
from pipeline.heads.predictions import predicted_methods, read_assignments, read_runs
from pipeline.report.pages import template

COMPONENTS = 50
"""Principal components that the linear model sees."""
CRITERIA = ("agreement", "neighbours", "linear model", "silhouette")
LOSS = "training loss"
"""It compares the runs of one method alone."""


@dataclass(frozen=True)
class Entry:
    """A method on a cell."""

    title: str
    method: str
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


def compare(
    cells: Sequence[Mapping[str, Cell]],
    run_file_of: Callable[[Cell, str], Path],
    again: Callable[[Cell], str],
    study: LeaderboardStudy,
    ceilings: CeilingSettings,
    out: Path,
    costs: Path,
    progress: Callable[[str], None],
    methods: Methods,
) -> str:
    """Writes the leaderboard, once without and once with what each method cost.

    Args:
        cells: for each cell the variants of the study, by name, fitted and evaluated.
        run_file_of: where it is written down how the fit of a variant went.
        again: the command that fits and evaluates a cell's variants, for errors.
        study: of the criteria.
        ceilings: of the supervised models that stand beside.
        out: the folder for what is the same every time; what was there is replaced.
        costs: the folder for the same with seconds and memory.
        progress: takes a short text that tells how far it is.
        methods: the registry, which names them and gives their order.

    Returns:
        the leaderboard with its costs, and the worth of the criteria, in Markdown.

    Raises:
        PipelineError: if a cache, predictions or scores are missing.
    """
    boards = []
    for variants in cells:
        first = next(iter(variants.values()))
        progress(f"{first.dataset} x {first.backbone}")
        boards.append(_board(variants, run_file_of, again(first), study, ceilings, methods))
    worth = selection_table(boards)
    for folder, with_costs in ((out, False), (costs, True)):
        shutil.rmtree(folder, ignore_errors=True)
        tables = {board.title: rows(board, with_costs) for board in boards}
        parts = [f"**{title}**\n\n{markdown_table(*table)}" for title, table in tables.items()]
        write_text(folder / "leaderboard.md", "\n".join(parts))
        write_text(folder / "selection.md", markdown_table(*worth))
        write_json(folder / "leaderboard.json", [_plain(board, with_costs) for board in boards])
        page = template("leaderboard.html.j2").render(tables=tables, worth=worth, about=ABOUT)
        write_text(folder / "leaderboard.html", page)
    return "\n".join([*parts, markdown_table(*worth)])


ABOUT = (
    "Accuracy in percent. The kept run is a method's own choice without labels, the oracle the best run, chosen with "
    "labels. Supervised models read labels: they show what the embeddings hold."
)


def _board(
    variants: Mapping[str, Cell],
    run_file_of: Callable[[Cell, str], Path],
    again: str,
    study: LeaderboardStudy,
    ceilings: CeilingSettings,
    methods: Methods,
) -> Board:
    entries: list[Entry] = []
    for name, cell in variants.items():
        cost = run_file_of(cell, name)
        about = read_json(cost, again) if cost.is_file() else {}
        entries += [
            _entry(name, method, methods[method].title, cell, about, again)
            for method in predicted_methods(cell.predictions, again)
        ]
    order = [*methods]
    entries.sort(key=lambda entry: order.index(entry.method))
    cell = next(iter(variants.values()))
    assigned = read_assignments(cell.predictions / predicted_methods(cell.predictions, again)[0], again)
    known = {row["id"]: row["label"] for row in read_table(cell.evaluation / CLASSES, LABEL_COLUMNS, again)}
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
    criteria = _criteria([entry.runs[in_train] for entry in entries], clean, study)
    for entry, values in zip(entries, criteria, strict=True):
        values[LOSS] = -entry.losses
    return Board(f"{cell.dataset} x {cell.backbone}", entries, scored, accuracies, criteria, found)


def _entry(variant: str, method: str, title: str, cell: Cell, about: dict[str, Any], again: str) -> Entry:
    summary = read_json(cell.heads / method / SUMMARY, again)
    pairs = f", pairs: {variant.removeprefix('scp-')}" if method == "scp" else ""
    seconds = about.get("seconds", {}).get(method)
    return Entry(
        title + pairs,
        method,
        read_runs(cell.predictions / method, again),
        np.array(summary["losses"]),
        summary["kept"],
        summary["clusters"],
        None if seconds is None else seconds / len(summary["losses"]),
        about.get("peak_memory_bytes", {}).get("parts", {}).get(method),
    )


def _criteria(runs: Sequence[np.ndarray], clean: np.ndarray, study: LeaderboardStudy) -> list[dict[str, np.ndarray]]:
    """The value of every criterion for each run of each method, int (images, runs) each."""
    rows = unit_length(clean.astype(np.float32))
    near, _ = neighbours(rows, study.neighbours)
    components = Components.of(clean, COMPONENTS).project(clean)
    flat = [run for each in runs for run in each.T]
    values = {
        "agreement": quality.agreement(flat),
        "neighbours": np.array([quality.neighbour_kappa(run, near) for run in flat]),
        "linear model": np.array([quality.linear_kappa(components, run) or 0.0 for run in flat]),
        "silhouette": np.array([quality.silhouette(rows, run, study.silhouette_images, study.seed) for run in flat]),
    }
    ends = np.cumsum([each.shape[1] for each in runs])[:-1]
    split = {name: np.split(each, ends) for name, each in values.items()}
    return [{name: split[name][number] for name in CRITERIA} for number in range(len(runs))]


def rows(board: Board, with_costs: bool) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows of a cell's leaderboard; the best of the methods' means is marked."""
    columns = ["method", f"{board.scored} ACC mean ± std", "kept", "oracle", "NMI kept", "clusters used", "agreement"]
    best = max((values["acc"].mean() for values in board.accuracies if values), default=0.0)
    table = []
    for entry, values, criteria in zip(board.entries, board.accuracies, board.criteria, strict=True):
        row = [entry.title, "no labels", "", "", ""]
        if values:
            acc = values["acc"]
            spread = f" ± {100 * acc.std(ddof=1):.1f}" if len(acc) > 1 else ""
            mean = f"{100 * acc.mean():.1f}"
            row = [entry.title, (f"**{mean}**" if acc.mean() == best else mean) + spread]
            row += [f"{100 * value:.1f}" for value in (acc[entry.kept], acc.max(), values["nmi"][entry.kept])]
        row += [f"{len(np.unique(entry.runs[:, entry.kept]))} of {entry.clusters}"]
        row += [f"{criteria['agreement'].mean():.2f}"]
        if with_costs:
            row += ["" if entry.seconds is None else f"{entry.seconds:.1f}"]
            row += ["" if entry.peak_bytes is None else f"{entry.peak_bytes / 1e6:.0f}"]
        table.append(row)
    width = len(columns) + (2 if with_costs else 0)
    for name, value in board.ceilings.items():
        row = [f"{name} (supervised: reads labels)", f"{100 * value:.1f}, train, by cross-validation"]
        table.append(row + [""] * (width - len(row)))
    return columns + (["seconds a run", "peak MB"] if with_costs else []), table


def selection_table(boards: Sequence[Board]) -> tuple[list[str], list[list[str]]]:
    """What each criterion is worth: rank correlation with accuracy over all runs of all methods, the accuracy of its
    choice, and what that loses against the best run; and the same loss where it chooses among the runs of each method.
    """
    columns = ["criterion", "data", "rank correlation", "its choice", "ACC", "oracle", "lost", "lost within a method"]
    table = []
    for name in (*CRITERIA, LOSS):
        lost, within = [], []
        for board in boards:
            if not board.accuracies[0]:
                continue
            acc = [values["acc"] for values in board.accuracies]
            scores = [values[name] for values in board.criteria]
            inside = [100 * (a.max() - a[s.argmax()]) for a, s in zip(acc, scores, strict=True)]
            within += inside
            row = [name, board.title.split(" x ")[0]]
            if name == LOSS:
                row += [""] * 5
            else:
                flat, score = np.concatenate(acc), np.concatenate(scores)
                at = int(score.argmax())
                titles = [entry.title for entry, a in zip(board.entries, acc, strict=True) for _ in a]
                lost.append(100 * (flat.max() - flat[at]))
                # Where all runs are alike there is no order to correlate.
                alike = np.ptp(score) == 0 or np.ptp(flat) == 0
                row += ["" if alike else f"{spearmanr(score, flat).statistic:.2f}", titles[at], f"{100 * flat[at]:.1f}"]
                row += [f"{100 * flat.max():.1f}", f"{lost[-1]:.1f}"]
            table.append([*row, f"{np.mean(inside):.1f}"])
        if within:
            table.append(
                [f"**{name}**", "all", "", "", "", "", f"{np.mean(lost):.1f}" if lost else "", f"{np.mean(within):.1f}"]
            )
    return columns, table


def _plain(board: Board, with_costs: bool) -> dict[str, Any]:
    """A board as plain data."""

    def method(
        entry: Entry, values: dict[str, np.ndarray], criteria: dict[str, np.ndarray]
    ) -> Iterator[tuple[str, Any]]:
        yield from (("title", entry.title), ("method", entry.method), ("kept", entry.kept))
        yield "losses", entry.losses.tolist()
        yield "clusters_used", [len(np.unique(run)) for run in entry.runs.T]
        yield "scores", {name: value.tolist() for name, value in values.items()}
        yield "criteria", {name: np.round(value, 6).tolist() for name, value in criteria.items() if name != LOSS}
        if with_costs:
            yield from (("seconds_a_run", entry.seconds), ("peak_bytes", entry.peak_bytes))

    methods = [dict(method(*each)) for each in zip(board.entries, board.accuracies, board.criteria, strict=True)]
    return {"cell": board.title, "split": board.scored, "methods": methods, "supervised": board.ceilings}
