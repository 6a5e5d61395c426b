"""The figures for print: drawn from arrays, legible at the width of a column, told apart without colours.

White ground, text of at least 7 points, the palette and the markers of `plots`. The same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from PIL import Image

from pipeline.report.plots import PALETTE, mark

COLUMN, PAGE = 3.3, 6.9
"""Inches: the widths of a column and of a page with two."""
DPI = 300
LEGEND_LIMIT = 20
"""Groups up to which a map has a legend."""
WRONG = "#bd1f01"
STYLE = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "savefig.facecolor": "white",
}


def encoded(figure: Figure, kind: str, name: str) -> bytes:
    """A figure as a file; `kind` is ``svg`` or ``png``, `name` makes the ids inside an SVG."""
    data = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(data, format=kind, dpi=DPI, metadata=metadata)
    return data.getvalue()


@dataclass(frozen=True)
class Map:
    """A two-dimensional map: a point an image."""

    title: str
    places: np.ndarray
    """float (n, 2) in 0..1."""
    groups: np.ndarray
    """int (n,), what `plots.mark` takes."""


def maps(panels: Sequence[Map], names: Mapping[int, str], columns: int) -> Figure:
    """Maps side by side with one legend.

    Args:
        panels: the maps, row by row.
        names: of each group, for the legend; without one where there are more than `LEGEND_LIMIT`.
        columns: maps a row.
    """
    with matplotlib.rc_context(STYLE):
        rows = -(-len(panels) // columns)
        side = PAGE / columns
        legend = bool(names) and len(names) <= LEGEND_LIMIT
        figure = Figure(figsize=(PAGE, rows * (side + 0.1) + (0.5 if legend else 0)), layout="constrained")
        for number, panel in enumerate(panels):
            axes = figure.add_subplot(rows, columns, number + 1)
            axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set(visible=True, color="0.8")
            axes.set_title(panel.title)
            _points(axes, panel, area=float(np.clip(4_000 / len(panel.places), 2, 20)) * (2 / columns))
        if legend:
            marks = {group: mark(group) for group in sorted(names)}
            handles = [
                Line2D([], [], linestyle="", marker=marks[group].marker, color=marks[group].colour, markersize=4)
                for group in marks
            ]
            figure.legend(
                handles,
                [names[group] for group in marks],
                loc="outside lower center",
                ncols=min(len(names), 7),
                frameon=False,
                handletextpad=0.1,
                columnspacing=1.0,
            )
    return figure


def _points(axes: Axes, panel: Map, area: float) -> None:
    for group in np.unique(panel.groups).tolist():
        chosen, look = panel.groups == group, mark(group)
        x, y = panel.places[chosen].T
        axes.scatter(x, y, s=area, c=look.colour, marker=look.marker, alpha=0.8, linewidths=0, rasterized=True)


@dataclass(frozen=True)
class Curve:
    """A value at each of some settings, over several runs."""

    label: str
    means: Sequence[float]
    stds: Sequence[float]
    kept: Sequence[float]
    """Of the run that was kept without labels."""


def curve(at: Sequence[float], curves: Sequence[Curve], x_label: str, y_label: str) -> Figure:
    """Mean with error bars of one standard deviation, and the kept runs as crosses, over a logarithmic axis.

    Where 0 is among the settings, the axis is linear from there to the smallest other one.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for number, each in enumerate(curves):
            # The palette's first colour and its third differ most in lightness too.
            colour, marker = PALETTE[2 * number], "os"[number % 2]
            axes.errorbar(
                at, each.means, yerr=each.stds, color=colour, marker=marker, markersize=4, linewidth=1.2, capsize=2.5,
                label=f"{each.label}, mean ± std",
            )  # fmt: skip
            axes.plot(
                at, each.kept, linestyle="", marker="x", color=colour, markersize=5, label=f"{each.label}, kept run"
            )
        if min(at) > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=min((value for value in at if value > 0), default=1.0))
        axes.set_xticks(list(at), [f"{value:g}" for value in at])
        axes.minorticks_off()
        axes.set(xlabel=x_label, ylabel=y_label)
        # Inside, it would lie over the error bars, which Matplotlib's search for a free place does not see.
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


@dataclass(frozen=True)
class Hit:
    """A picture of a search's result."""

    picture: Image.Image
    caption: str
    wrong: bool
    """Whether its class is known, and is another than the query's."""


def sheet(query: Hit, hits: Sequence[Hit], columns: int = 7) -> Figure:
    """The query, framed, and its nearest pictures in the order of their distance; mismatches are crossed and framed."""
    with matplotlib.rc_context(STYLE):
        shown = [query, *hits]
        rows = -(-len(shown) // columns)
        figure = Figure(figsize=(PAGE, rows * (PAGE / columns + 0.22)), layout="constrained")
        for number, hit in enumerate(shown):
            axes = figure.add_subplot(rows, columns, number + 1)
            grey = hit.picture.mode == "L"
            axes.imshow(np.asarray(hit.picture), cmap="gray" if grey else None, vmin=0, vmax=255, aspect="equal")
            axes.set(xticks=[], yticks=[])
            colour, width = (PALETTE[0], 2.5) if number == 0 else (WRONG, 2.0) if hit.wrong else ("0.8", 0.6)
            for spine in axes.spines.values():
                spine.set(visible=True, color=colour, linewidth=width)
            text = f"✗ {hit.caption}" if hit.wrong else hit.caption
            axes.set_xlabel(text, color=WRONG if hit.wrong else "black", labelpad=2, fontsize=7)
    return figure


def cloud(pictures: Sequence[Image.Image], places: np.ndarray, groups: np.ndarray) -> Figure:
    """Pictures at their places in a map, each framed in its group's colour.

    Args:
        pictures: to draw.
        places: float (n, 2) in 0..1.
        groups: int (n,), what `plots.mark` takes.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PAGE, PAGE))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.axis("off")
        # Two thirds of the page if they stood in a grid.
        side = 72 * PAGE * float(np.sqrt(0.66 / max(len(pictures), 1)))
        for picture, place, group in zip(pictures, _spread(places), groups.tolist(), strict=True):
            pixels = np.asarray(picture.convert("RGB"))
            image = OffsetImage(pixels, zoom=side / max(pixels.shape[:2]), interpolation="lanczos")
            frame = {"edgecolor": mark(group).colour, "linewidth": 1.2, "boxstyle": "square,pad=0"}
            axes.add_artist(AnnotationBbox(image, tuple(place), pad=0, bboxprops=frame))
    return figure


def _spread(places: np.ndarray) -> np.ndarray:
    """The places moved to the cells of a square grid, each to the nearest that is free, the central ones first."""
    side = int(np.ceil(np.sqrt(len(places) / 0.66)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    centres = (grid + 0.5) / side
    free = np.ones(len(centres), bool)
    result = np.empty_like(places)
    low, span = places.min(0), np.maximum(np.ptp(places, axis=0), 1e-12)
    wanted = (places - low) / span * (1 - 1 / side) + 0.5 / side
    for row in np.argsort(((wanted - 0.5) ** 2).sum(1), kind="stable").tolist():
        distances = ((centres - wanted[row]) ** 2).sum(1)
        distances[~free] = np.inf
        cell = int(distances.argmin())
        free[cell] = False
        result[row] = centres[cell]
    return result
