"""What a mouse and fingers do on the map of the page to browse, in a real browser.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.path import Path as Line
from playwright.sync_api import Browser

from tests.browser.on_map import Map


def test_a_line_of_any_form_selects_what_it_goes_around(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[500])
    # A hook: what lies in its bend is outside.
    hook = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.6, 0.9), (0.6, 0.4), (0.4, 0.4), (0.4, 0.9), (0.1, 0.9)]
    opened.drag([opened.at(*corner) for corner in hook])
    left, top, width, height = opened.frame
    points = np.array([opened.place(row) for row in range(500)])
    corners = [(left + x * width, top + y * height) for x, y in hook]
    inside = Line([*corners, corners[0]], closed=True).contains_points(points)
    selected = np.zeros(500, bool)
    selected[opened.page.evaluate("[...selection]")] = True
    assert 100 < selected.sum() < 400
    # The pointer stops where it stops: within a pixel or two of the line either is right.
    borders = Line([*corners, corners[0]], closed=True)
    sure = borders.contains_points(points, radius=2) == borders.contains_points(points, radius=-2)
    assert (selected == inside)[sure].all()
    assert opened.status == f"{selected.sum()} pictures selected"
    # With Shift the bend comes to it.
    opened.page.keyboard.down("Shift")
    opened.drag([opened.at(*corner) for corner in ((0.41, 0.41), (0.59, 0.41), (0.59, 0.89), (0.41, 0.89))])
    opened.page.keyboard.up("Shift")
    assert int(opened.status.split()[0]) > selected.sum()
    assert opened.said == []


def test_the_wheel_zooms_where_the_pointer_is_and_a_drag_moves(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[10_000])
    opened.page.mouse.move(*opened.at(0.3, 0.6))
    row = opened.page.evaluate("nearest([0.3 * map.camera.width, 0.6 * map.camera.height], 1e3, map.order, map.camera)")
    place = opened.place(row)
    opened.page.mouse.move(*place)
    opened.page.mouse.wheel(0, -600)
    opened.until("map.camera.zoom > 3")
    assert opened.place(row) == pytest.approx(place, abs=3)  # A wheel tells whole pixels.
    for button, key in (("middle", None), ("left", "Space")):
        before = opened.place(row)
        if key:
            opened.page.keyboard.down(key)
        opened.drag([opened.at(0.5, 0.5), opened.at(0.55, 0.55)], button)
        if key:
            opened.page.keyboard.up(key)
        moved = np.subtract(opened.place(row), before)
        assert moved == pytest.approx((0.05 * opened.frame[2], 0.05 * opened.frame[3]), abs=1)
    assert not opened.status
    # The mode for those who have neither key nor button.
    opened.page.click("text=Move")
    before = opened.place(row)
    opened.drag([opened.at(0.5, 0.5), opened.at(0.45, 0.5)])
    assert opened.place(row)[0] < before[0] - 30
    assert not opened.status
    # All of it again, and there the wheel is the page's.
    opened.page.click("text=All >> visible=true >> nth=-1")
    assert opened.zoom == 1
    opened.page.mouse.move(*opened.at(0.5, 0.5))
    opened.page.mouse.wheel(0, 200)
    opened.until("scrollY > 0")
    assert opened.zoom == 1
    assert opened.said == []


def test_the_buttons_and_two_clicks_zoom_and_the_map_never_leaves(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[500])
    opened.page.get_by_label("Zoom in").click()
    assert opened.zoom == pytest.approx(1.6)
    opened.page.mouse.dblclick(*opened.empty())
    assert opened.zoom == pytest.approx(3.2)
    assert not opened.page.is_visible("#large")
    for _ in range(20):
        opened.page.get_by_label("Zoom in").click(force=True)
    assert opened.zoom == 64
    opened.page.click("text=Move")
    for _ in range(3):
        opened.drag([opened.at(0.9, 0.9), opened.at(0.1, 0.1)])
    for _ in range(20):
        opened.page.get_by_label("Zoom out").click(force=True)
    assert opened.zoom == 1
    assert opened.page.evaluate("map.inSight().length") == 500
    assert opened.said == []


def test_fingers_tap_drag_and_pinch(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[500], width=390, height=844, has_touch=True, is_mobile=True)
    assert opened.page.get_by_label("A drag moves the map").get_attribute("aria-pressed") == "true"
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Two fingers that part zoom in, and what is between them stays there.
    (x, y), row = opened.at(0.5, 0.5), 0
    opened.touch("touchStart", [(x - 30, y), (x + 30, y)])
    for by in (40, 60, 90):
        opened.touch("touchMove", [(x - by, y), (x + by, y)])
    opened.touch("touchEnd", [])
    assert opened.zoom == pytest.approx(3, abs=0.1)
    # One moves.
    before = opened.place(row)
    opened.touch("touchStart", [(x, y)])
    for by in (20, 40, 60):
        opened.touch("touchMove", [(x - by, y)])
    opened.touch("touchEnd", [])
    assert opened.place(row)[0] == pytest.approx(before[0] - 60, abs=1)
    assert not opened.page.is_visible("#large")
    opened.drawn()
    row = opened.page.evaluate("map.inSight().find((row) => onCanvas(row, map.camera, -40))")
    opened.page.touchscreen.tap(*opened.place(row))
    opened.until("document.getElementById('large').open")
    opened.page.click("#close")
    # In the other mode the finger draws.
    opened.page.get_by_label("A drag selects pictures").tap()
    opened.touch("touchStart", [opened.at(0.1, 0.1)])
    for corner in ((0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        opened.touch("touchMove", [opened.at(*corner)])
    opened.touch("touchEnd", [])
    assert opened.status.endswith("selected")
    assert opened.zoom == pytest.approx(3, abs=0.1)
    assert opened.said == []
