"""The figures for print that show pictures: the result of a search, and a cloud. See `pipeline.report.charts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from PIL import Image

from pipeline.report.charts import LINES, PAGE, STYLE, headed, label
from pipeline.report.plots import PALETTE, centres, mark

WRONG = "#bd1f01"
FRAME = 1.2
"""Points of the line around a picture of the cloud."""


@dataclass(frozen=True)
class Hit:
    """A picture of a search's result."""

    picture: Image.Image
    caption: str
    wrong: bool
    """Whether its class is known, and is another than the query's."""


def sheet(query: Hit, hits: Sequence[Hit], title: str = "", columns: int = 7) -> Figure:
    """The query, framed, and its nearest pictures in the order of their distance; mismatches have a broken frame."""
    with matplotlib.rc_context(STYLE):
        shown = [query, *hits]
        rows = -(-len(shown) // columns)
        figure = Figure(figsize=(PAGE, rows * (PAGE / columns + 0.22) + 0.15), layout="constrained")
        headed(figure, title)
        for number, hit in enumerate(shown):
            axes = figure.add_subplot(rows, columns, number + 1)
            grey = hit.picture.mode == "L"
            axes.imshow(np.asarray(hit.picture), cmap="gray" if grey else None, vmin=0, vmax=255, aspect="equal")
            axes.set(xticks=[], yticks=[])
            colour, width = (PALETTE[0], 2.5) if number == 0 else (WRONG, 2.0) if hit.wrong else ("0.8", 0.6)
            for spine in axes.spines.values():
                spine.set(visible=True, color=colour, linewidth=width, linestyle="--" if hit.wrong else "-")
            text = f"✗ {hit.caption}" if hit.wrong else hit.caption
            axes.set_xlabel(text, color=WRONG if hit.wrong else "black", labelpad=2, fontsize=7)
    return figure


def cloud(pictures: Sequence[Image.Image], places: np.ndarray, groups: np.ndarray, title: str = "") -> Figure:
    """Pictures at their places in a map, each framed as its group is, whose number stands in its middle.

    Args:
        pictures: to draw.
        places: float (n, 2) in 0..1.
        groups: int (n,), what `plots.mark` takes.
        title: above, such as the method and the number of images.
    """
    with matplotlib.rc_context(STYLE):
        head = 0.25 if title else 0.0
        figure = Figure(figsize=(PAGE, PAGE + head))
        axes = figure.add_axes((0, 0, 1, PAGE / (PAGE + head)))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.axis("off")
        if title:
            figure.text(0.5, 1 - head / 2 / (PAGE + head), title, ha="center", va="center")
        # As large as its cell of the grid, but for the frame and a gap, so that none is cut or covered.
        side = 72 * PAGE / _grid(len(pictures)) - 2 * FRAME - 1
        grid = _spread(places)
        for picture, place, group in zip(pictures, grid, groups.tolist(), strict=True):
            pixels = np.asarray(picture.convert("RGB"))
            image = OffsetImage(pixels, zoom=side / max(pixels.shape[:2]), interpolation="lanczos")
            frame = {"edgecolor": mark(group).colour, "linewidth": FRAME, "linestyle": LINES[group % len(LINES)]}
            frame["boxstyle"] = "square,pad=0"
            axes.add_artist(AnnotationBbox(image, tuple(place), pad=0, bboxprops=frame))
        for group, (x, y) in centres(grid, groups).items():
            label(axes, x, y, str(group))
    return figure


def _grid(count: int) -> int:
    """Cells a side of a square of which so many pictures fill two thirds."""
    return int(np.ceil(np.sqrt(count / 0.66)))


def _spread(places: np.ndarray) -> np.ndarray:
    """The places moved to the cells of a square grid, each to the nearest that is free, the central ones first."""
    side = _grid(len(places))
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
