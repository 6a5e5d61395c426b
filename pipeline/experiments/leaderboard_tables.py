"""The leaderboard as tables, for people, and as plain data, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from pipeline.experiments.leaderboard import Board, Entry
from pipeline.experiments.run_criteria import CRITERIA, LOSS
from pipeline.report.results import METRICS
from pipeline.report.spread import Spread


def rows(board: Board, with_costs: bool) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows of a cell's leaderboard; the best of the methods' means is marked."""
    columns = [
        "method",
        "objective alone",
        "runs",
        *Spread.columns(f"{board.scored} ACC"),
        "NMI kept",
        "clusters used",
        "agreement",
    ]
    best = max((values["acc"].mean() for values in board.accuracies if values), default=0.0)
    table = []
    for entry, values, criteria in zip(board.entries, board.accuracies, board.criteria, strict=True):
        first_cells = [entry.title, "yes" if entry.alone else "", str(entry.runs.shape[1])]
        row = [*first_cells, "no labels", "", "", "", ""]
        if values:
            mean, *others = spread_of("acc", values, entry).cells()
            first, sign, std = mean.partition(" ± ")
            strong = f"**{first}**" if values["acc"].mean() == best else first
            row = [*first_cells, strong + sign + std, *others, f"{100 * values['nmi'][entry.kept]:.1f}"]
        row += [f"{len(np.unique(entry.runs[:, entry.kept]))} of {entry.clusters}"]
        row += [f"{criteria['agreement'].mean():.2f}"]
        if with_costs:
            row += ["" if entry.seconds is None else f"{entry.seconds:.1f}"]
            row += ["" if entry.peak_bytes is None else f"{entry.peak_bytes / 1e6:.0f}"]
        table.append(row)
    width = len(columns) + (2 if with_costs else 0)
    for name, value in board.ceilings.items():
        row = [f"{name} (supervised: reads labels; train, by cross-validation)", "", "", f"{100 * value:.1f}"]
        table.append(row + [""] * (width - len(row)))
    return columns + (["seconds a run", "peak MB"] if with_costs else []), table


def spread_of(metric: str, values: Mapping[str, np.ndarray], entry: Entry) -> Spread:
    """A metric of an entry's runs as a table shows it; the oracle is the run of the best accuracy, as in `evaluate`."""
    return Spread.of_values(values[metric], entry.kept, int(values["acc"].argmax()))


def plain_rows(boards: Sequence[Board], with_costs: bool) -> tuple[list[str], list[list[object]]]:
    """All boards as one table for programs, a number a column; supervised models stand at each board's end."""
    columns = ["cell", "split", "method", "objective alone", "runs", "clusters used", "clusters", "agreement"]
    columns += [name for metric in METRICS for name in Spread.plain_columns(metric.upper())]
    columns += ["seconds a run", "peak bytes"] if with_costs else []
    table: list[list[object]] = []
    for board in boards:
        for entry, values, criteria in zip(board.entries, board.accuracies, board.criteria, strict=True):
            used = len(np.unique(entry.runs[:, entry.kept]))
            row: list[object] = [board.title, board.scored, entry.title, "yes" if entry.alone else "no"]
            row += [entry.runs.shape[1], used, entry.clusters, round(float(criteria["agreement"].mean()), 4)]
            for metric in METRICS:
                row += spread_of(metric, values, entry).plain() if values else [""] * len(Spread.plain_columns(""))
            table.append([*row, *(("" if v is None else v) for v in (entry.seconds, entry.peak_bytes) if with_costs)])
        for name, value in board.ceilings.items():
            row = [board.title, "train, by cross-validation", f"{name} (supervised)", "", "", "", "", ""]
            table.append([*row, round(100 * value, 4), *[""] * (len(columns) - len(row) - 1)])
    return columns, table


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


def plain_board(board: Board, with_costs: bool) -> dict[str, Any]:
    """A board as plain data."""

    def method(
        entry: Entry, values: dict[str, np.ndarray], criteria: dict[str, np.ndarray]
    ) -> Iterator[tuple[str, Any]]:
        yield from (("title", entry.title), ("method", entry.method), ("kept", entry.kept))
        yield "objective_alone", entry.alone
        yield "losses", entry.losses.tolist()
        yield "clusters_used", [len(np.unique(run)) for run in entry.runs.T]
        yield "scores", {name: value.tolist() for name, value in values.items()}
        yield "criteria", {name: np.round(value, 6).tolist() for name, value in criteria.items() if name != LOSS}
        if with_costs:
            yield from (("seconds_a_run", entry.seconds), ("peak_bytes", entry.peak_bytes))

    methods = [dict(method(*each)) for each in zip(board.entries, board.accuracies, board.criteria, strict=True)]
    return {"cell": board.title, "split": board.scored, "methods": methods, "supervised": board.ceilings}
