"""The map of the page to browse in a real browser.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.opened import Opened


@pytest.mark.parametrize("images", [2, 500, 10_000])
def test_the_map_shows_selects_and_opens(images: int, browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[images])
    opened.page.click("#to-map")
    canvas = opened.page.locator("canvas")
    canvas.wait_for()
    painted = "(() => { const c = document.querySelector('canvas'); return c.getContext('2d')"
    painted += ".getImageData(0, 0, c.width, c.height).data.some((value) => value > 0); })()"
    assert opened.page.evaluate(painted)
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    assert frame is not None
    x, y = opened.page.evaluate("[data.places[0], 1 - data.places[1]]")
    edge = (5 if images < 1000 else 2.5) + 2  # so that no dot is cut off
    across, down = (edge + share * (frame[side] - 2 * edge) for share, side in ((x, "width"), (y, "height")))
    place = frame["x"] + across, frame["y"] + down
    opened.page.mouse.move(*place)
    assert opened.page.locator(".hover").is_visible()
    opened.page.mouse.click(*place)
    assert opened.page.is_visible("#large")
    assert opened.page.locator("#near button").count() == min(8, images - 1)
    first = opened.page.inner_text("#large-path")
    opened.page.locator("#near button").last.click()
    assert opened.page.inner_text("#large-path") != first
    opened.page.keyboard.press("Escape")
    # A frame around everything selects every picture.
    opened.page.mouse.move(frame["x"] + 1, frame["y"] + 1)
    opened.page.mouse.down()
    opened.page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    opened.page.mouse.move(frame["x"] + frame["width"] - 1, frame["y"] + frame["height"] - 1)
    opened.page.mouse.up()
    assert opened.page.inner_text("#status") == f"{images:,} pictures selected"
    before = opened.page.locator(".map ~ div .card b").first.inner_text()
    opened.page.select_option("#order", "name")
    assert opened.page.inner_text("#status") == f"{images:,} pictures selected"
    opened.page.select_option("#order", "typical")
    assert opened.page.locator(".map ~ div .card b").first.inner_text() == before
    assert opened.said == []


def on_the_map(browser: Browser, page: Path) -> tuple[Opened, str]:
    """A page whose map has the focus, on one of its pictures, and what is told of that picture."""
    opened = Opened(browser, page)
    opened.page.click("#to-map")
    opened.page.focus("canvas")
    opened.page.keyboard.press("ArrowRight")
    return opened, opened.page.inner_text("#status")


def test_the_map_is_walked_by_the_keys(browser: Browser, made: dict[int, Path]) -> None:
    opened, first = on_the_map(browser, made[500])
    opened.page.keyboard.press("ArrowRight")
    second = opened.page.inner_text("#status")
    assert first != second
    assert opened.page.locator(".hover").is_visible()
    opened.page.keyboard.press("Enter")
    assert opened.page.inner_text("#large-path").split("/")[-1] == second.split(",")[0]
    assert opened.said == []


def test_the_map_takes_another_width_and_keeps_its_place(browser: Browser, made: dict[int, Path]) -> None:
    opened, told = on_the_map(browser, made[500])
    opened.page.set_viewport_size({"width": 400, "height": 800})
    opened.until("document.querySelector('canvas').clientWidth < 400")
    assert opened.page.evaluate(
        "document.querySelector('canvas').clientWidth <= document.querySelector('main').clientWidth"
    )
    assert opened.page.locator(".hover").is_visible()
    opened.page.keyboard.press("Enter")
    assert opened.page.inner_text("#large-path").split("/")[-1] == told.split(",")[0]
    assert opened.said == []
