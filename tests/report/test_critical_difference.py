from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Annotation

from pipeline.report.critical_difference import diagram


def test_every_method_stands_at_its_rank_and_bars_join_those_that_are_alike() -> None:
    names, means = [f"method {n}" for n in range(5)], np.array([4.6, 1.2, 2.0, 4.2, 3.0])
    figure = diagram(names, means, 1.1)
    (axes,) = figure.axes
    lines = [np.asarray(line.get_xdata(), float) for line in axes.lines]
    leaders = [line for line in lines if len(line) == 3]
    assert sorted(float(line[0]) for line in leaders) == sorted(means)
    bars = [line.tolist() for line, drawn in zip(lines, axes.lines, strict=True) if drawn.get_linewidth() == 2.5]
    assert bars == [[1.2, 2.0], [2.0, 3.0], [4.2, 4.6]]
    labels = {text.get_text(): text for text in axes.texts if isinstance(text, Annotation)}
    assert set(labels) == {f"{name}, {mean:.1f}" for name, mean in zip(names, means, strict=True)}
    assert any(text.get_text() == "critical difference 1.1" for text in axes.texts)


@pytest.mark.parametrize("methods", [3, 7, 12, 13, 32, 60, 130])
def test_ranks_have_numbers_at_equal_steps(methods: int) -> None:
    (axes,) = diagram([f"method {n}" for n in range(methods)], np.arange(1.0, methods + 1), 1.5).axes
    first, *ticks = [int(text.get_text()) for text in axes.texts if text.get_text().isdigit()]
    assert first == 1
    assert len({b - a for a, b in pairwise(ticks)}) <= 1
    assert 2 <= len(ticks) <= 12


def test_names_lie_within_the_figure_and_cover_nothing() -> None:
    names = ["TAC without training (uses text)", *(f"Gaussian mixture, diagonal {n}" for n in range(39))]
    figure = diagram(names, np.linspace(2, 39, 40), 27.0, "Mean rank by ACC over 5 data sets")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts if isinstance(text, Annotation)]
    page = figure.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 for box in boxes)
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])


@pytest.mark.parametrize("difference", [0.5, 100.0])
def test_a_critical_difference_of_any_size_can_be_drawn(difference: float) -> None:
    assert diagram(["a", "b", "c"], np.array([1.0, 2.0, 3.0]), difference).axes
