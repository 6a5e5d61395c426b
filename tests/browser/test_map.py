"""The map of the page to browse in a real browser: what it shows, and the keys.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.browser.on_map import GROUND, Map
from tests.browser.opened import Opened


@pytest.mark.parametrize("images", [2, 500, 10_000])
def test_the_map_shows_selects_and_opens(images: int, browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[images])
    colours = f"(() => {{ const c = {GROUND}; return new Set(new Uint32Array(c.getContext('2d')"
    colours += ".getImageData(0, 0, c.width, c.height).data.buffer)).size; })()"
    assert opened.page.evaluate(colours) > 2
    opened.page.mouse.move(*opened.place(0))
    assert opened.page.locator(".hover").is_visible()
    opened.page.mouse.click(*opened.place(0))
    assert opened.page.is_visible("#large")
    assert opened.page.locator("#near button").count() == min(8, images - 1)
    first = opened.page.inner_text("#large-path")
    opened.page.locator("#near button").last.click()
    assert opened.page.inner_text("#large-path") != first
    opened.page.keyboard.press("Escape")
    # A line around everything selects every picture; the corners of the canvas are round, so it starts on a side.
    around = ((0.5, 0.002), (0.999, 0.001), (0.999, 0.999), (0.001, 0.999), (0.001, 0.001))
    opened.drag([opened.at(*corner) for corner in around])
    assert opened.status == f"{images:,} pictures selected"
    before = opened.page.locator(".map ~ div .card b").first.inner_text()
    opened.page.select_option("#order", "name")
    assert opened.status == f"{images:,} pictures selected"
    opened.page.select_option("#order", "typical")
    assert opened.page.locator(".map ~ div .card b").first.inner_text() == before
    assert opened.said == []


@pytest.mark.parametrize("images", [500, 10_000])
def test_near_pictures_take_the_place_of_their_dots(images: int, browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[images])
    assert opened.page.evaluate("map.shown.length") == 0
    last: set[int] = set()
    opened.page.mouse.move(*opened.place(opened.page.evaluate("ordered(map.order, 'typical')[0]")))
    for _ in range(6):
        opened.page.mouse.wheel(0, -250)
        opened.drawn()
        opened.until("!map.bitmaps.wanted.length")
        opened.drawn()
        shown = opened.page.evaluate("map.shown")
        points = np.array(
            opened.page.evaluate("map.shown.map((row) => [across(row, map.camera), down(row, map.camera)])")
        )
        if len(shown) > 1:
            far = np.abs(points[:, None] - points[None]).max(2)
            np.fill_diagonal(far, np.inf)
            assert far.min() >= 0.9 * opened.page.evaluate("map.side") - 1e-6
        # Who is shown stays, unless it is out of sight now.
        gone = last - set(shown)
        assert not set(gone) & set(opened.page.evaluate("map.inSight()"))
        last = set(shown)
    assert last
    # All that could be seen was fetched, and no more.
    assert opened.page.evaluate("map.bitmaps.kept.size") < 1_000
    # A click anywhere on a picture opens it, also far from where its dot was.
    row = opened.page.evaluate("map.shown[0]")
    x, y = opened.place(row)
    opened.page.mouse.click(x + 0.4 * opened.page.evaluate("map.side"), y)
    assert opened.page.inner_text("#large-path") == opened.page.evaluate(f"data.paths[{row}]")
    assert opened.said == []


def test_names_stand_on_the_clusters_and_on_no_other_name(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[10_000], width=390)
    few = opened.page.evaluate("map.named.length")
    assert 1 < few < 30
    # The largest have theirs: of those without one, each would lie over another.
    assert opened.page.evaluate("map.named[0] === bySize[0]")
    opened.page.set_viewport_size({"width": 1400, "height": 900})
    opened.until(f"map.named.length > {few}")
    # In the list at the side one is pointed at, and its name is there.
    hidden = opened.page.evaluate("map.groups.map((group) => group.cluster).filter((one) => !map.named.includes(one))")
    cluster = hidden[0] if hidden else 29
    opened.page.locator(f".entry[data-number='{cluster}']").hover()
    opened.drawn()
    assert opened.page.evaluate("[map.lit, map.named[0]]") == [cluster, cluster]
    assert opened.said == []


def test_colours_follow_the_numbers_and_the_scheme(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[10_000], color_scheme="light")
    colours = "Array.from({ length: 30 }, (_, row) => row).map((row) => map.colours.get(map.groupOf[row]))"
    light = opened.page.evaluate(colours)
    assert len(set(light)) == 30
    opened.page.emulate_media(color_scheme="dark")
    opened.until(f"{colours}[0] !== '{light[0]}'")
    opened.drawn()
    paper = f"[...{GROUND}.getContext('2d').getImageData(0, 0, 1, 1).data].join()"
    assert opened.page.evaluate(paper) == "22,24,27,255"
    assert opened.said == []


def test_the_map_is_walked_by_the_keys(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[500])
    opened.canvas.focus()
    opened.page.keyboard.press("ArrowRight")
    first = opened.status
    opened.page.keyboard.press("ArrowRight")
    second = opened.status
    assert first != second
    assert opened.page.locator(".hover").is_visible()
    opened.page.keyboard.press("Enter")
    assert opened.page.inner_text("#large-path").split("/")[-1] == second.split(",")[0]
    opened.page.keyboard.press("Escape")
    # Near, the way goes on, and the map with it.
    for _ in range(4):
        opened.page.keyboard.press("+")
    assert opened.zoom > 4
    for _ in range(12):
        opened.page.keyboard.press("ArrowDown")
        assert opened.page.evaluate("onCanvas(map.cursor, map.camera)")
    opened.page.keyboard.press("x")
    assert opened.page.inner_text("#picked-count") == "1 picture selected"
    opened.page.keyboard.press("x")
    assert not opened.page.is_visible("#picked")
    seen = opened.page.evaluate("map.inSight().length")
    opened.page.keyboard.press("Control+a")
    assert opened.status.startswith(f"{seen} picture")
    opened.page.keyboard.press("0")
    assert opened.zoom == 1
    assert opened.said == []


def test_the_map_takes_another_width_and_keeps_its_place(browser: Browser, made: dict[int, Path]) -> None:
    opened = Map(browser, made[500])
    opened.canvas.focus()
    opened.page.keyboard.press("ArrowRight")
    told = opened.status
    opened.page.set_viewport_size({"width": 400, "height": 800})
    opened.until(f"{GROUND}.clientWidth < 400")
    assert opened.page.evaluate(f"{GROUND}.clientWidth <= document.querySelector('main').clientWidth")
    assert opened.page.locator(".hover").is_visible()
    opened.page.keyboard.press("Enter")
    assert opened.page.inner_text("#large-path").split("/")[-1] == told.split(",")[0]
    assert opened.said == []


def test_pictures_that_are_all_at_one_place_have_a_map(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    opened.page.evaluate("data.places.fill(0.25)")
    opened.page.click("#to-map")
    opened.until("map && !map.stale.ground")
    for _ in range(9):
        opened.page.get_by_label("Zoom in").click()
    opened.until("map.shown.length === 1")
    assert opened.page.evaluate("map.inSight().length") == 500
    assert opened.said == []
