"""A page of `pipeline cluster` opened in a real browser, and what it said and asked for."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

PATIENCE = 120
"""Seconds until a page that does not answer fails a test."""
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


class Opened:
    """A page with all that it said and asked for."""

    def __init__(self, browser: Browser, path: Path | str, whole: bool = True, **options: object) -> None:
        """Opens it; `whole`: it is there when all of it is, else with its first cards."""
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1200, "height": 800}, **options)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        # A page of 10,000 pictures is 60 MB, and the machine may be busy.
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.goto(path if isinstance(path, str) else path.as_uri(), wait_until="load" if whole else "commit")
        self.page.wait_for_selector(".card")

    def until(self, expression: str) -> None:
        """Waits for a condition; Playwright's own way evaluates inside the page, which the page's policy forbids."""
        deadline = time.monotonic() + PATIENCE
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.02)

    @property
    def cards(self) -> int:
        count: int = self.page.locator(".card").count()
        return count

    @property
    def elements(self) -> int:
        count: int = self.page.evaluate("document.querySelectorAll('*').length")
        return count
