"""The critical-difference diagram for print (Demšar, JMLR 2006, Figure 1)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.report.charts import PAGE, STYLE, headed
from pipeline.report.ranks import alike

LABELS = 1.9
"""Inches for the names at either side."""
LINE = 0.14
"""Inches from one name to the next."""
BAR = 0.09
"""Inches from one bar of methods that are alike to the next."""
TICKS = 12
"""Ranks with a number at most, beside the first."""
HEAD = 0.75
"""Inches above the axis: the critical difference and the ranks."""


def diagram(names: Sequence[str], means: np.ndarray, difference: float, title: str = "") -> Figure:
    """Methods at their mean ranks, the best at the left; a bar joins those that the test cannot tell apart.

    Args:
        names: of the methods.
        means: float (methods,), their mean ranks.
        difference: the critical one.
        title: above all.
    """
    order = np.argsort(means, kind="stable")
    sorted_means = means[order]
    bars = alike(sorted_means, difference)
    left = -(-len(names) // 2)
    below = BAR * (len(bars) + 1)
    with matplotlib.rc_context(STYLE):
        height = HEAD + below + LINE * (left + 1)
        figure = Figure(figsize=(PAGE, height + 0.35))
        headed(figure, title)
        axes = figure.add_axes((LABELS / PAGE, 0, 1 - 2 * LABELS / PAGE, height / (height + 0.35)))
        axes.axis("off")
        axes.set(xlim=(1, len(names)), ylim=(below + LINE * (left + 1), -HEAD))  # In inches, downwards from the axis.
        _scale(axes, len(names), difference)
        for level, (first, last) in enumerate(bars):
            y = BAR * (level + 1)
            axes.plot(sorted_means[[first, last]], [y, y], color="black", linewidth=2.5, clip_on=False)
        for place, number in enumerate(order.tolist()):
            at_left = place < left
            row = place if at_left else len(names) - 1 - place
            y, side = below + LINE * (row + 0.5), 0.0 if at_left else 1.0
            end = 1 if at_left else len(names)
            axes.plot([means[number], means[number], end], [0, y, y], color="0.4", linewidth=0.6, clip_on=False)
            axes.annotate(
                f"{names[number]}, {means[number]:.1f}", (side, y), (-4 if at_left else 4, 0), fontsize=7, va="center",
                ha="right" if at_left else "left", xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            )  # fmt: skip
    return figure


def _scale(axes: Axes, methods: int, difference: float) -> None:
    """The axis of ranks with its numbers, and above it the critical difference, as far as the axis is long."""
    axes.plot([1, methods], [0, 0], color="black", linewidth=0.8, clip_on=False)
    step = next(step for step in (1, 2, 5, 10, 20, 50, methods) if methods <= TICKS * step)
    for rank in [1, *range(step + (step == 1), methods + 1, step)]:
        axes.plot([rank, rank], [0, -0.05], color="black", linewidth=0.8, clip_on=False)
        axes.text(rank, -0.1, str(rank), ha="center", va="bottom", fontsize=7)
    end = min(1 + difference, methods)
    axes.plot([1, 1, end, end], [-0.42, -0.46, -0.46, -0.42], color="black", linewidth=1.2, clip_on=False)
    axes.text((1 + end) / 2, -0.5, f"critical difference {difference:.1f}", ha="center", va="bottom", fontsize=7)
