"""The figures for print: drawn from arrays, legible at the width of a column, told apart without colours.

White ground, text of at least 7 points, the palette and the markers of `plots`. The same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.transforms import offset_copy

from pipeline.report.plots import PALETTE, centres, mark

COLUMN, PAGE = 3.3, 6.9
"""Inches: the widths of a column and of a page with two."""
DPI = 300
LEGEND_LIMIT = 20
"""Groups up to which a map has a legend."""
LINES = ("-", "--", ":", "-.")
"""Styles of the lines that differ in print without colours."""
DODGE = 4.0
"""Points between the error bars of two curves at the same setting."""
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


def maps(panels: Sequence[Map], names: Mapping[int, str], columns: int, title: str = "") -> Figure:
    """Maps side by side with one legend; each group's number stands in its middle, and before its name.

    Args:
        panels: the maps, row by row.
        names: of each group, for the legend; without one where there are more than `LEGEND_LIMIT`.
        columns: maps a row.
        title: above all, such as the method and the number of images.
    """
    with matplotlib.rc_context(STYLE):
        rows = -(-len(panels) // columns)
        side = PAGE / columns
        legend = bool(names) and len(names) <= LEGEND_LIMIT
        figure = Figure(figsize=(PAGE, rows * (side + 0.1) + (0.5 if legend else 0)), layout="constrained")
        headed(figure, title)
        for number, panel in enumerate(panels):
            axes = figure.add_subplot(rows, columns, number + 1)
            axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set(visible=True, color="0.8")
            axes.set_title(panel.title)
            _points(axes, panel, area=float(np.clip(4_000 / len(panel.places), 2, 20)) * (2 / columns))
            if legend:
                _number(axes, panel, PAGE / columns)
        if legend:
            marks = {group: mark(group) for group in sorted(names)}
            handles = [
                Line2D([], [], linestyle="", marker=marks[group].marker, color=marks[group].colour, markersize=4)
                for group in marks
            ]
            figure.legend(
                handles,
                [f"{group} {names[group]}" for group in marks],
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


def _number(axes: Axes, panel: Map, inches: float) -> None:
    """Each group's number at its median place; where that would cover another's, as before a training, it is left."""
    taken: list[tuple[float, float]] = []
    apart = 8 / 72 / inches
    for group, (x, y) in centres(panel.places, panel.groups).items():
        if all(abs(x - other[0]) > apart or abs(y - other[1]) > apart for other in taken):
            taken.append((x, y))
            label(axes, x, y, str(group))


def label(axes: Axes, x: float, y: float, text: str) -> None:
    """Black on a white rim, which is read on points and pictures of any tone."""
    rim = [withStroke(linewidth=2.5, foreground="white")]
    axes.text(x, y, text, ha="center", va="center", fontsize=8, fontweight="bold", path_effects=rim, zorder=20)


def _dodge(figure: Figure, axes: Axes, drawn: Sequence[Sequence[Artist]]) -> None:
    """Moves what is drawn of each curve a little to the side; the limits are set before, as they do not see it."""
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    for number, artists in enumerate(drawn):
        beside = DODGE * (number - (len(drawn) - 1) / 2)
        for artist in artists:
            artist.set_transform(offset_copy(axes.transData, figure, x=beside, units="points"))


def headed(figure: Figure, title: str) -> None:
    """Sets the title above all axes, if there is one."""
    if title:
        figure.suptitle(title, fontsize=8)


@dataclass(frozen=True)
class Curve:
    """A value at each of some settings, over several runs."""

    label: str
    means: Sequence[float]
    stds: Sequence[float]
    kept: Sequence[float]
    """Of the run that was kept without labels."""


def curve(at: Sequence[float], curves: Sequence[Curve], x_label: str, y_label: str, title: str = "") -> Figure:
    """Mean with error bars of one standard deviation, and the kept runs as crosses, over a logarithmic axis.

    The curves stand a little beside each other, so that no error bar covers another. Where 0 is among the settings,
    the axis is linear from there to the smallest other one.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        drawn = []
        for number, each in enumerate(curves):
            # The palette's first colour and its third differ most in lightness too.
            colour, marker, line = PALETTE[2 * number], "os"[number % 2], LINES[number % len(LINES)]
            line_and_bars = axes.errorbar(
                at, each.means, yerr=each.stds, color=colour, marker=marker, markersize=4, linewidth=1.2, capsize=2.5,
                linestyle=line, label=f"{each.label}, mean ± std",
            )  # fmt: skip
            kept = axes.plot(
                at, each.kept, linestyle="", marker="x+"[number % 2], color=colour, markersize=6,
                label=f"{each.label}, kept run",
            )  # fmt: skip
            drawn.append([*line_and_bars.get_children(), *kept])
        if min(at) > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=min((value for value in at if value > 0), default=1.0))
        axes.set_xticks(list(at), [f"{value:g}" for value in at])
        axes.minorticks_off()
        _dodge(figure, axes, drawn)
        axes.set(xlabel=x_label, ylabel=y_label)
        # Inside, it would lie over the error bars, which Matplotlib's search for a free place does not see.
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


@dataclass(frozen=True)
class Band:
    """A value at each of some settings, and how far its runs spread."""

    label: str
    means: Sequence[float]
    stds: Sequence[float] | None = None
    """None: it has no runs, and no band."""


def bands(at: Sequence[float], shown: Sequence[Band], x_label: str, y_label: str, title: str = "") -> Figure:
    """Lines with bands of one standard deviation, over a logarithmic axis that falls to the right, to 0 if that is one.

    Args:
        at: the settings, such as levels of noise.
        shown: a value at each.
        x_label: what varies.
        y_label: the values.
        title: above.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN, 3.1), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        for number, each in enumerate(shown):
            colour, line, marker = PALETTE[2 * number % len(PALETTE)], LINES[number % len(LINES)], "os^D"[number % 4]
            axes.plot(at, each.means, color=colour, linestyle=line, marker=marker, markersize=3.5, label=each.label)
            if each.stds is not None:
                low, high = np.array(each.means) - each.stds, np.array(each.means) + each.stds
                axes.fill_between(at, low, high, color=colour, alpha=0.25, linewidth=0)
        least = min((value for value in at if value > 0), default=1.0)
        axes.set_xscale("symlog", linthresh=least, linscale=0.4)
        axes.set_xticks(list(at), [f"{value:g}" for value in at])
        axes.minorticks_off()
        axes.set(xlim=(1.1 * max(at), -0.1 * least))
        axes.set(xlabel=x_label, ylabel=y_label)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
