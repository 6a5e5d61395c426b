from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from pipeline.report import plots, projection

CURVES = {run: [(float(step), 1.0 / (step + run)) for step in (1, 5, 10)] for run in range(3)}


def test_a_hundred_clusters_look_different_and_ten_without_colours() -> None:
    marks = [plots.mark(cluster) for cluster in range(100)]
    assert len(set(marks)) == 100
    for first in range(0, 100, 10):
        assert len({mark.symbol for mark in marks[first : first + 10]}) == 10
    assert plots.mark(100) == plots.mark(0)


def test_curves_take_their_colours_and_fonts_from_the_page() -> None:
    svg = plots.curves_svg(CURVES, 1, "loss")
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    assert svg.count("var(--accent)") == 1
    for absent in ("<style", "<metadata", "font-family", "#0", "http"):
        assert absent not in re.sub(r'="#\w+"', "", svg)


def test_ids_inside_the_curves_of_two_figures_differ() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', plots.curves_svg(CURVES, 0, name))) for name in ("first", "second")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_figure_is_the_same_each_time() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 70))
    places = projection.project(rows, 0)
    groups = np.arange(60) % 25
    assert np.array_equal(projection.project(rows, 0), places)
    assert plots.map_png(places, groups) == plots.map_png(places, groups)
    assert plots.curves_svg(CURVES, 0, "loss") == plots.curves_svg(CURVES, 0, "loss")


def test_maps_made_beside_each_other_are_those_made_alone() -> None:
    rng = np.random.default_rng(0)
    spaces = {"Embeddings": rng.normal(size=(60, 70)), "Logits": rng.normal(size=(60, 10)), "few": np.ones((3, 2))}
    found = projection.project_each(spaces, 0)
    assert list(found) == list(spaces)
    for space, rows in spaces.items():
        assert np.array_equal(found[space], projection.project(rows, 0))
    assert projection.project_each({}, 0) == {}


@pytest.mark.parametrize(("count", "dim"), [(1, 3), (4, 3), (5, 2), (6, 80), (40, 2), (90, 64)])
def test_a_map_lies_in_the_unit_square(count: int, dim: int) -> None:
    places = projection.project(np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32), 0)
    assert places.shape == (count, 2)
    assert places.min() >= 0
    assert places.max() <= 1


def test_rows_of_a_collapsed_head_lie_in_the_middle() -> None:
    assert np.array_equal(projection.project(np.ones((20, 4)), 0), np.full((20, 2), 0.5))


def test_a_map_keeps_separate_groups_apart() -> None:
    groups = np.repeat([0, 1], 30)
    rows = np.random.default_rng(0).normal(size=(60, 8)) + 50 * groups[:, None]
    places = projection.project(rows, 0)
    first, second = plots.centres(places, groups).values()
    spread = max(places[groups == group].std() for group in (0, 1))
    assert np.hypot(first[0] - second[0], first[1] - second[1]) > 2 * spread


def test_centres_are_medians() -> None:
    places = np.array([[0.1, 0.2], [0.3, 0.2], [0.9, 0.8], [0.5, 0.5]])
    assert plots.centres(places, np.array([3, 3, 3, 1])) == {1: (0.5, 0.5), 3: (0.3, 0.2)}


def test_the_ground_of_a_map_is_transparent() -> None:
    picture = Image.open(io.BytesIO(plots.map_png(np.array([[0.5, 0.5]]), np.array([2]))))
    red, green, blue, alpha = np.moveaxis(np.asarray(picture), -1, 0)
    assert alpha[0, 0] == 0
    middle = len(alpha) // 2
    shown = [int(channel[middle, middle]) for channel in (red, green, blue)]
    assert np.allclose(shown, list(bytes.fromhex(plots.mark(2).colour[1:])), atol=2)


def test_a_matrix_picture_is_as_opaque_as_the_share() -> None:
    picture = Image.open(io.BytesIO(plots.matrix_png(np.array([[0.0, 1.0, 0.5]]))))
    assert np.asarray(picture)[..., 3].tolist() == [[0, 255, 128]]


def test_a_data_uri_carries_the_bytes() -> None:
    head, body = plots.data_uri(b"\x00\xff", "png").split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == b"\x00\xff"


def test_the_sample_of_a_map_follows_from_the_seed() -> None:
    assert projection.sample(5, 10, 0).tolist() == [0, 1, 2, 3, 4]
    chosen = projection.sample(100, 10, 0)
    assert len(set(chosen.tolist())) == 10
    assert (np.diff(chosen) > 0).all()
    assert np.array_equal(projection.sample(100, 10, 0), chosen)
    assert not np.array_equal(projection.sample(100, 10, 1), chosen)
