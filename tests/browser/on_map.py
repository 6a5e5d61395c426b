"""The map of a page, and what a hand does on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, CDPSession

from tests.browser.opened import Opened

Point = tuple[float, float]
GROUND = "document.querySelector('.map canvas')"


class Map(Opened):
    """A page on whose map somebody is."""

    def __init__(self, browser: Browser, path: Path, width: int = 1200, height: int = 800, **options: object) -> None:
        super().__init__(browser, path, True, **options)
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.click("#to-map")
        self.canvas = self.page.locator(".map canvas").first
        self.canvas.scroll_into_view_if_needed()
        self.screen: CDPSession = self.page.context.new_cdp_session(self.page)
        self.drawn()

    def drawn(self) -> None:
        """Waits until all is drawn."""
        self.until("!map.stale.ground && !map.stale.above && !map.bitmaps.coming")

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Where the canvas is in the window: left, top, width, height."""
        box = self.canvas.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"], box["height"]

    def at(self, right: float, below: float) -> Point:
        """The point of the window at shares of the canvas."""
        left, top, width, height = self.frame
        return left + right * width, top + below * height

    def place(self, row: int) -> Point:
        """The point of the window where a picture is."""
        left, top, _, _ = self.frame
        right, below = self.page.evaluate(f"[across({row}, map.camera), down({row}, map.camera)]")
        return left + right, top + below

    def empty(self) -> Point:
        """A point of the canvas with no picture near."""
        left, top, width, height = self.frame
        rows = self.page.evaluate("map.order.map((row) => [across(row, map.camera), down(row, map.camera)])")
        grid = np.stack(np.meshgrid(np.arange(40, width - 40, 8), np.arange(40, height - 40, 8)), -1).reshape(-1, 2)
        far = np.linalg.norm(grid[:, None] - np.array(rows)[None], axis=2).min(1)
        assert far.max() > 25
        x, y = grid[far.argmax()]
        return float(left + x), float(top + y)

    def drag(self, points: Sequence[Point], button: str = "left") -> None:
        self.page.mouse.move(*points[0])
        self.page.mouse.down(button=button)
        for point in points[1:]:
            self.page.mouse.move(*point, steps=4)
        self.page.mouse.up(button=button)

    def touch(self, kind: str, points: Sequence[Point]) -> None:
        """What a screen says of the fingers on it."""
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    @property
    def zoom(self) -> float:
        zoom: float = self.page.evaluate("map.camera.zoom")
        return zoom

    @property
    def status(self) -> str:
        text: str = self.page.inner_text("#status")
        return text
