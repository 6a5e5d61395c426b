from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.patches import Patch
from PIL import Image

from pipeline.report import charts, picture_charts
from tests.report.test_charts import kinds


def test_mismatches_are_told_by_a_sign_and_not_by_colour_alone() -> None:
    figure = kinds()["sheet"]
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels[0] == "query"
    assert [label.startswith("✗") for label in labels[1:]] == [rank % 3 == 0 for rank in range(1, 21)]


def test_pictures_of_the_cloud_do_not_cover_each_other() -> None:
    # All wish for the same place.
    places = picture_charts._spread(np.full((50, 2), 0.4))
    assert len({tuple(place) for place in places.tolist()}) == 50
    assert places.min() > 0
    assert places.max() < 1


def frames(figure: Figure) -> list[Patch]:
    """The frames around the pictures of a cloud."""
    return [artist.patch for artist in figure.axes[0].artists if isinstance(artist, AnnotationBbox)]


@pytest.mark.parametrize("count", [1, 12, 30, 400])
def test_the_frames_of_the_cloud_are_whole_and_cover_no_other(count: int) -> None:
    pictures = [Image.new("RGB", (8, 8))] * count
    places = np.random.default_rng(0).random((count, 2))
    figure = picture_charts.cloud(pictures, places, np.arange(count) % 10, "SCP")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [frame.get_window_extent() for frame in frames(figure)]
    assert len(boxes) == count
    line = picture_charts.FRAME / 2 * figure.dpi / 72
    edges = np.array([(box.x0 - line, box.y0 - line, box.x1 + line, box.y1 + line) for box in boxes])
    width, height = figure.canvas.get_width_height()
    assert edges[:, :2].min() >= 0
    assert edges[:, 2].max() <= width
    assert edges[:, 3].max() <= axes.bbox.y1 <= height
    for one in range(min(count, 30)):
        left, low, right, high = edges[one]
        over = (edges[:, 0] < right) & (edges[:, 2] > left) & (edges[:, 1] < high) & (edges[:, 3] > low)
        assert over.sum() == 1


def test_frames_are_told_apart_by_their_lines_and_numbers() -> None:
    figure = kinds()["cloud"]
    (axes,) = figure.axes
    assert len({frame.get_linestyle() for frame in frames(figure)}) == 3
    assert sorted(text.get_text() for text in axes.texts) == ["0", "1", "2"]
    assert figure.get_figwidth() == charts.PAGE
