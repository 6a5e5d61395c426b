"""The study's scores, read, and as tables: what each method is worth on pictures that are not clean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import read_table
from pipeline.config.disturbed import (
    CLEAN,
    COPIES,
    HALF,
    MIXED,
    PREDICTED,
    REFITTED,
    SCORE_COLUMNS,
    SCORES,
    SHIFTED,
    SUBSAMPLE,
    UNEVEN,
)
from pipeline.config.settings import Corruption
from pipeline.experiments.robustness.trials import corruptions, trials
from pipeline.experiments.settings import RobustnessStudy

BASELINE = "kmeans"
"""What the errors of the other methods are relative to."""

Rows = tuple[str, list[str], list[list[str]]]
"""A table: its title, its columns and its rows."""


@dataclass(frozen=True)
class Results:
    """All scores of a cell."""

    title: str
    values: dict[tuple[str, str, str], np.ndarray]
    """By trial, method and metric the value of each run."""

    @classmethod
    def read(cls, title: str, folder: Path) -> Results:
        """Reads what `evaluate_robustness` has left.

        Raises:
            PipelineError: if it is missing or damaged.
        """
        found: dict[tuple[str, str, str], list[float]] = {}
        for row in read_table(folder / SCORES, SCORE_COLUMNS, "pipeline disturb evaluate"):
            found.setdefault((row["trial"], row["method"], row["metric"]), []).append(float(row["value"]))
        return cls(title, {key: np.array(each) for key, each in found.items()})

    @property
    def methods(self) -> list[str]:
        """In the order of the fits."""
        return list(dict.fromkeys(method for _, method, _ in self.values))

    @property
    def labelled(self) -> bool:
        """Whether the pictures have labels."""
        return any(trial == CLEAN and metric == "acc" for trial, _, metric in self.values)

    @property
    def heading(self) -> str:
        """The cell, and whether it has no labels."""
        return self.title if self.labelled else f"{self.title}, no labels"

    def get(self, trial: str, method: str, metric: str) -> np.ndarray | None:
        """The value of each run; None where there is none."""
        return self.values.get((trial, method, metric))

    def mean(self, names: Sequence[str], method: str, metric: str) -> np.ndarray | None:
        """The mean over some trials in each run; None where one of them has none."""
        each = [self.get(name, method, metric) for name in names]
        found = [values for values in each if values is not None]
        return np.mean(found, 0) if found and len(found) == len(each) else None

    def relative_error(self, names: Sequence[str], method: str) -> float | None:
        """The mean over some trials of the errors, 1 - ACC, relative to k-means'; None without labels or k-means."""
        shares = []
        for name in names:
            own, base = self.get(name, method, "acc"), self.get(name, BASELINE, "acc")
            if own is None or base is None or base.mean() == 1:
                return None
            shares.append((1 - own.mean()) / (1 - base.mean()))
        return float(np.mean(shares)) if shares else None

    def plain(self) -> list[dict[str, Any]]:
        """As plain data: mean and standard deviation over the runs."""
        return [
            {"trial": trial, "method": method, "metric": metric, **_spread(values)}
            for (trial, method, metric), values in self.values.items()
        ]


def _spread(values: np.ndarray) -> dict[str, Any]:
    std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {"mean": round(float(values.mean()), 6), "std": round(std, 6), "runs": len(values)}


def shown(values: np.ndarray | None, percent: bool = True) -> str:
    """Mean and standard deviation over the runs for people; empty without values."""
    if values is None:
        return ""
    spread, digits = _spread(values), 1 if percent else 2
    scale = 100 if percent else 1
    mean = f"{scale * spread['mean']:.{digits}f}"
    return f"{mean} ± {scale * spread['std']:.{digits}f}" if len(values) > 1 else mean


def summary(results: Results, study: RobustnessStudy) -> Rows:
    """A row for each method: clean, corrupted, how far it falls, and what can be told without labels."""
    if PREDICTED not in study.axes:
        clean = [[method, shown(results.get(CLEAN, method, "acc"))] for method in results.methods]
        return "Heads of clean pictures", ["method", "clean ACC"], clean if results.labelled else []
    names = [f"{PREDICTED}_{each.name}" for each in corruptions(study)]
    columns = ["method", "clean ACC", "corrupted ACC", "NMI", "ARI", "relative error", "ARI with clean", "moved %"]
    rows = []
    for method in results.methods:
        relative = results.relative_error(names, method)
        row = [method, shown(results.get(CLEAN, method, "acc"))]
        row += [shown(results.mean(names, method, metric)) for metric in ("acc", "nmi", "ari")]
        row += ["" if relative is None else f"{relative:.2f}"]
        row += [shown(results.mean(names, method, "same"), percent=False), shown(results.mean(names, method, "moved"))]
        foretold = [value for name in names if (value := results.get(name, method, "foretold")) is not None]
        rows.append([*row, f"{np.mean(np.concatenate(foretold)):.2f}" if foretold else ""])
    return "Heads of clean pictures predict corrupted ones", [*columns, "foretold (AUROC)"], rows


def overview(every: Sequence[Results], study: RobustnessStudy) -> Rows:
    """A row for each method, a column for each cell: the mean ACC clean and corrupted, and the relative error."""
    names = [f"{PREDICTED}_{each.name}" for each in corruptions(study)]
    methods = dict.fromkeys(method for results in every for method in results.methods)
    rows = []
    for method in methods:
        row = [method]
        for results in every:
            clean, worse = results.get(CLEAN, method, "acc"), results.mean(names, method, "acc")
            relative = results.relative_error(names, method)
            cell = (
                "no labels"
                if clean is None or worse is None
                else f"{100 * clean.mean():.1f} to {100 * worse.mean():.1f}"
            )
            row.append(cell if relative is None else f"{cell}, {relative:.2f}")
        rows.append(row)
    title = "ACC of heads of clean pictures, on clean and on corrupted ones, and the relative error"
    return title, ["method", *(results.title for results in every)], rows


MEASURES = {
    PREDICTED: ("acc", "nmi", "ari", "same", "moved", "foretold"),
    REFITTED: ("acc", "nmi", "ari", "same", "moved"),
    MIXED: ("acc", "nmi", "ari", "same", "moved", "left", "gathered"),
    UNEVEN: ("nmi", "ari", "purity"),
    SUBSAMPLE: ("acc", "nmi", "ari", "same", "moved"),
    COPIES: ("acc", "nmi", "ari", "same", "moved"),
    SHIFTED: ("acc", "nmi", "ari"),
}
"""What is shown of each axis."""
TITLES = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    "purity": "purity",
    "same": "ARI with clean",
    "moved": "moved %",
    "foretold": "foretold (AUROC)",
    "left": "of the clean ones moved %",
    "gathered": "most in a cluster %",
}
FRACTIONS = ("same", "foretold")
"""Shown as they are and not in percent."""


def _named(axis: str, results: Results, study: RobustnessStudy) -> Iterator[tuple[str, list[str]]]:
    """The trials of an axis, and what of each varies."""
    if axis == SHIFTED:
        found = dict.fromkeys(trial for trial, *_ in results.values if trial.startswith(f"{SHIFTED}_"))
        yield from ((trial, [trial.removeprefix(f"{SHIFTED}_")]) for trial in found)
        return
    if axis == PREDICTED:
        yield from ((f"{PREDICTED}_{each.name}", _words(each)) for each in corruptions(study))
        return
    for trial in trials(study):
        if trial.axis != axis:
            continue
        words = _words(trial.corruption) if trial.corruption else []
        words += [f"{100 * trial.share:g}"] if axis == MIXED else []
        words += [(trial.subset or "1").replace(HALF, "half at "), f"{trial.factor:g}"] if axis == UNEVEN else []
        yield trial.name, words


def _words(corruption: Corruption) -> list[str]:
    return [corruption.kind, str(corruption.severity)]


HEADS = {
    REFITTED: ("Corrupted and fitted again", ["corruption", "severity"]),
    MIXED: ("A share corrupted and mixed in", ["corruption", "severity", "share %"]),
    UNEVEN: ("Uneven classes and wrong numbers of clusters", ["smallest to largest class", "times k"]),
    SUBSAMPLE: ("Fitted to a part of the pictures", []),
    COPIES: ("Some pictures several times", []),
    SHIFTED: ("Heads of one data set predict another one of the same classes", ["pictures of"]),
    PREDICTED: ("Heads of clean pictures predict corrupted ones, each corruption", ["corruption", "severity"]),
}


def axis_table(axis: str, results: Results, study: RobustnessStudy) -> Rows:
    """A row for each trial of an axis and each method; those that were not computed are left out."""
    title, varying = HEADS[axis]
    measures = MEASURES[axis]
    rows = []
    for name, words in _named(axis, results, study):
        for method in results.methods:
            values = [results.get(name, method, measure) for measure in measures]
            if any(each is not None for each in values):
                cells = zip(values, measures, strict=True)
                shown_cells = [shown(each, measure not in FRACTIONS) for each, measure in cells]
                rows.append([method, *words, *shown_cells])
    return title, ["method", *varying, *(TITLES[measure] for measure in measures)], rows


def all_tables(results: Results, study: RobustnessStudy) -> list[Rows]:
    """Every table of a cell that has a row, without columns that have nothing, as those that need labels may have."""
    found = (summary(results, study), *(axis_table(axis, results, study) for axis in HEADS))
    return [filled(table) for table in found if table[2]]


def filled(table: Rows) -> Rows:
    """A table without the columns that are empty in each row."""
    title, columns, rows = table
    kept = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    return title, [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]
