from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.opened import CHROMIUM, Opened
from tests.browser.pages import BESIDE, NAMED, write_page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Pages by their number of pictures."""
    return {
        images: write_page(tmp_path_factory.mktemp(str(images)), images, clusters)
        for images, clusters in ((2, 2), (NAMED, 3), (500, 12), (10_000, 30), (BESIDE, 30))
    }


@pytest.fixture
def opened(browser: Browser, made: dict[int, Path]) -> Opened:
    """A page of 500 pictures in a browser of its own: nothing was done here before."""
    return Opened(browser, made[500])
