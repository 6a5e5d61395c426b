from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from pipeline.report import charts, picture_charts
from pipeline.report.charts import Band, Curve, Map
from pipeline.report.critical_difference import diagram
from pipeline.report.picture_charts import Hit


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 12, 3), dtype=np.uint8))


def map_of(groups: int) -> Map:
    return Map("Logits", np.random.default_rng(0).random((60, 2)), np.arange(60) % groups)


def kinds() -> dict[str, Figure]:
    hits = [Hit(picture(), f"{rank} cat", rank % 3 == 0) for rank in range(1, 21)]
    curves = [
        Curve("ACC", [50.0, 70.0], [3.0, 0.0], [52.0, 71.0]),
        Curve("NMI", [40.0, 60.0], [1.0, 2.0], [41.0, 63.0]),
    ]
    return {
        "maps": charts.maps([map_of(10), map_of(10)], {n: f"class {n}" for n in range(10)}, 2),
        "five maps": charts.maps([map_of(4)] * 5, {}, 5),
        "curve": charts.curve([0.5, 10.0], curves, "λ", "percent", "SCP, 5 runs"),
        "bands": charts.bands(
            [40.0, 10.0, 0.0],
            [Band("bound", [70.0, 90.0, 99.0]), Band("ACC", [20.0, 60.0, 90.0], [1.0, 5.0, 2.0])],
            "noise",
            "percent",
            "SCP, 5 runs",
        ),
        "critical difference": diagram([f"method {n}" for n in range(9)], np.linspace(1.5, 8.5, 9), 3.2, "Mean ranks"),
        "sheet": picture_charts.sheet(Hit(picture(), "query", False), hits, "Nearest by embedding"),
        "cloud": picture_charts.cloud(
            [picture()] * 30, np.random.default_rng(0).random((30, 2)), np.arange(30) % 3, "SCP"
        ),
    }


@pytest.mark.parametrize("name", kinds())
def test_a_figure_is_a_file_that_follows_from_its_input(name: str) -> None:
    figure = kinds()[name]
    svg, png = charts.encoded(figure, "svg", name), charts.encoded(figure, "png", name)
    assert ET.fromstring(svg).tag.endswith("svg")
    image = Image.open(io.BytesIO(png))
    assert image.width == pytest.approx(charts.DPI * figure.get_figwidth(), abs=2)
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert np.ptp(np.asarray(image.convert("L"))) > 100
    again = kinds()[name]
    assert charts.encoded(again, "svg", name) == svg
    assert charts.encoded(again, "png", name) == png
    assert b"<dc:date>" not in svg


@pytest.mark.parametrize("name", kinds())
def test_text_can_be_read_in_print(name: str) -> None:
    figure = kinds()[name]
    assert figure.get_figwidth() in (charts.COLUMN, charts.PAGE)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    assert all(float(text.get_fontsize()) >= 7 for text in texts)


def test_a_setting_of_zero_has_its_place() -> None:
    # Guards against the logarithm of 0, which matplotlib leaves out: the weight of a term may be 0.
    curves = [Curve("ACC", [10.0, 50.0, 70.0], [1.0, 3.0, 0.0], [11.0, 52.0, 71.0])]
    figure = charts.curve([0.0, 0.5, 10.0], curves, "λ", "percent")
    charts.encoded(figure, "png", "x")
    (axes,) = figure.axes
    places = [float(axes.transData.transform((value, 50.0))[0]) for value in (0.0, 0.5, 10.0)]
    left, right = axes.bbox.x0, axes.bbox.x1
    assert left <= places[0] < places[1] < places[2] <= right
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.5", "10"]
    assert charts.curve([0.0], [Curve("ACC", [1.0], [0.0], [1.0])], "λ", "percent").axes


def test_the_legend_of_curves_covers_none_of_them() -> None:
    curves = [Curve("ACC", [70.7, 69.2, 69.7], [2.1, 5.4, 5.8], [73.4, 75.4, 71.8])]
    figure = charts.curve([2.0, 4.0, 8.0], curves, "K", "percent")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(figure.axes[0].get_window_extent())


def test_a_legend_of_too_many_groups_is_left_out() -> None:
    few = charts.maps([map_of(20)], {n: f"class {n}" for n in range(20)}, 1)
    many = charts.maps([map_of(21)], {n: f"class {n}" for n in range(21)}, 1)
    assert len(few.legends) == 1
    assert not many.legends


def test_curves_and_their_error_bars_stand_beside_each_other() -> None:
    """At one setting with one mean, where they would cover each other."""
    curves = [Curve(name, [50.0, 60.0], [3.0, 3.0], [51.0, 61.0]) for name in ("ACC", "NMI", "ARI")]
    figure = charts.curve([1.0, 10.0], curves, "λ", "percent")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    lines = [container[0] for container in axes.containers]
    stems = [container[2][0] for container in axes.containers]
    places = [line.get_transform().transform((1.0, 50.0))[0] for line in lines]
    points = np.diff(places) * 72 / figure.dpi
    assert points == pytest.approx([charts.DODGE] * 2)
    assert [stem.get_transform().transform((1.0, 50.0))[0] for stem in stems] == pytest.approx(places)
    assert len({line.get_linestyle() for line in lines}) == 3


def test_ten_groups_of_a_map_are_told_apart_without_colours() -> None:
    figure = charts.maps([map_of(10)], {n: f"class {n}" for n in range(10)}, 1, "SCP, 60 images")
    (axes,) = figure.axes
    shapes = {np.asarray(each.get_paths()[0].vertices).tobytes() for each in axes.collections}
    assert len(shapes) == 10
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][:2] == ["0 class 0", "1 class 1"]
    assert {text.get_text() for text in axes.texts} <= {str(n) for n in range(10)}
    assert figure.get_suptitle() == "SCP, 60 images"


def test_numbers_of_groups_do_not_cover_each_other() -> None:
    mixed = Map("before", np.tile([[0.5, 0.5], [0.52, 0.5]], (20, 1)), np.arange(40) % 10)
    (axes,) = charts.maps([mixed], {n: str(n) for n in range(10)}, 5).axes
    assert len(axes.texts) == 1


def test_settings_with_bands_fall_to_the_right_down_to_zero() -> None:
    figure = charts.bands([40.0, 10.0, 0.0], [Band("ACC", [20.0, 60.0, 90.0], [1.0, 5.0, 2.0])], "noise", "percent")
    charts.encoded(figure, "png", "x")
    (axes,) = figure.axes
    places = [float(axes.transData.transform((value, 50.0))[0]) for value in (40.0, 10.0, 0.0)]
    assert axes.bbox.x0 <= places[0] < places[1] < places[2] <= axes.bbox.x1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["40", "10", "0"]
    assert len(axes.collections) == 1
