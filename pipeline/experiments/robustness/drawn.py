"""The study's figures: heat maps of kinds and severities, curves with bands, and examples of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.config.disturbed import CLEAN, PREDICTED
from pipeline.experiments.robustness.results import Results
from pipeline.experiments.settings import RobustnessStudy
from pipeline.extraction.corruptions import corrupted
from pipeline.report.charts import LINES, PAGE, STYLE, headed
from pipeline.report.plots import PALETTE

COLUMNS = 4
"""Panels a row."""
PANEL = 1.6
"""Inches of a panel's height."""


def _value(results: Results, name: str, method: str) -> np.ndarray | None:
    """What is drawn: ACC, or without labels the share of pictures that stay; in percent."""
    values = results.get(name, method, "acc")
    if not results.labelled:
        moved = results.get(name, method, "moved")
        values = np.ones(1) if name == CLEAN else None if moved is None else 1 - moved
    return None if values is None else 100 * values


def _measure(results: Results) -> str:
    return "ACC" if results.labelled else "pictures that stay, %"


def heat_map(results: Results, study: RobustnessStudy) -> Figure:
    """For each method a map of its mean on each kind, a row, and severity, a column."""
    methods = results.methods
    with matplotlib.rc_context(STYLE):
        columns = min(COLUMNS, len(methods))
        rows = -(-len(methods) // columns)
        height = rows * (0.5 + 0.19 * len(study.kinds)) + 0.4
        figure = Figure(figsize=(PAGE, height), layout="constrained")
        headed(figure, f"{_measure(results)} of heads of clean pictures on corrupted ones\n{results.title}")
        grids = []
        for method in methods:
            found = [
                [_value(results, f"{PREDICTED}_{kind}-{severity}", method) for severity in study.severities]
                for kind in study.kinds
            ]
            grids.append(np.array([[np.nan if each is None else each.mean() for each in row] for row in found]))
        for number, (method, grid) in enumerate(zip(methods, grids, strict=True)):
            axes = figure.add_subplot(rows, columns, number + 1)
            axes.imshow(grid, cmap="viridis", vmin=np.nanmin(grids), vmax=np.nanmax(grids), aspect="auto")
            axes.set_title(method)
            axes.set_xticks(range(len(study.severities)), [str(each) for each in study.severities])
            axes.set_yticks(range(len(study.kinds)), study.kinds if number % columns == 0 else [])
            middle = (np.nanmin(grids) + np.nanmax(grids)) / 2
            for (row, column), value in np.ndenumerate(grid):
                colour = "white" if value < middle else "black"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7)
    return figure


def curves(results: Results, study: RobustnessStudy) -> Figure:
    """For each kind the mean of each method against the severity, 0 is clean, with a band of one standard deviation."""
    with matplotlib.rc_context(STYLE):
        columns = min(COLUMNS, len(study.kinds))
        rows = -(-len(study.kinds) // columns)
        figure = Figure(figsize=(PAGE, rows * PANEL + 0.7), layout="constrained")
        headed(figure, f"Heads of clean pictures on corrupted ones\n{results.title}")
        first = None
        for number, kind in enumerate(study.kinds):
            axes = figure.add_subplot(rows, columns, number + 1, sharey=first)
            first = first or axes
            axes.set_title(kind)
            for place, method in enumerate(results.methods):
                names = [CLEAN, *(f"{PREDICTED}_{kind}-{severity}" for severity in study.severities)]
                severities = (0, *study.severities)
                found = [(at, _value(results, name, method)) for at, name in zip(severities, names, strict=True)]
                there = [(at, values) for at, values in found if values is not None]
                at = [each for each, _ in there]
                means = np.array([values.mean() for _, values in there])
                stds = np.array([values.std(ddof=1) if len(values) > 1 else 0.0 for _, values in there])
                colour, line = PALETTE[place % len(PALETTE)], LINES[place % len(LINES)]
                axes.plot(
                    at, means, color=colour, linestyle=line, linewidth=1.2, marker=".", markersize=3, label=method
                )
                axes.fill_between(at, means - stds, means + stds, color=colour, alpha=0.2, linewidth=0)
            axes.set_xticks([0, *study.severities])
            if number % columns == 0:
                axes.set_ylabel(_measure(results))
        handles, labels = first.get_legend_handles_labels() if first else ([], [])
        figure.legend(handles, labels, loc="outside lower center", ncols=min(6, max(1, len(labels))), frameon=False)
    return figure


def examples(images: Sequence[tuple[str, Image.Image]], study: RobustnessStudy, seed: int) -> Figure:
    """A picture clean and corrupted: a row for each kind, a column for each severity.

    Args:
        images: pictures in mode ``RGB`` and what each is known by; the kinds take turns.
        study: kinds and severities.
        seed: of the corruptions.
    """
    with matplotlib.rc_context(STYLE):
        width = 1 + len(study.severities)
        figure = Figure(figsize=(0.75 * width + 1.0, 0.78 * len(study.kinds) + 0.3), layout="constrained")
        for row, kind in enumerate(study.kinds):
            identity, image = images[row % len(images)]
            shown = [image, *(corrupted(image, kind, severity, seed, identity) for severity in study.severities)]
            for column, each in enumerate(shown):
                axes = figure.add_subplot(len(study.kinds), width, row * width + column + 1)
                axes.imshow(np.asarray(each), interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                if row == 0:
                    axes.set_title("clean" if column == 0 else str(study.severities[column - 1]))
                if column == 0:
                    axes.set_ylabel(kind, rotation=0, ha="right", va="center")
    return figure
