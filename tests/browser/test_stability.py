"""The view of what holds together in a real browser.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.opened import Opened
from tests.browser.pages import write_page

# Picture i is in cluster i % 3. Ten of cluster 0 and one of cluster 1 go to cluster 2, one of cluster 1 to none.
MEASURED: dict[str, Any] = {
    "disturbed": 60,
    "repeats": 4,
    "percent": 80,
    "clusters": [
        {"number": 0, "stability": 0.5, "verdict": "apart", "stays": {"jpeg": 0.9, "other-seeds": 0.25}},
        {"number": 1, "stability": 0.9, "verdict": "holds", "stays": {"jpeg": 1.0, "other-seeds": 1.0}},
        {"number": 2, "stability": 0.7, "verdict": "border", "stays": {"other-seeds": 1.0}},
    ],
    "wandering": [
        *({"row": row, "goes": 2, "leaves": ["other-seeds"]} for row in range(0, 30, 3)),
        {"row": 4, "goes": 2, "leaves": ["jpeg"]},
        {"row": 7, "goes": None, "leaves": ["other-seeds", "<b>new</b>"]},
    ],
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("measured"), 60, 3, stability=MEASURED)


def test_the_least_stable_cluster_comes_first_with_what_wanders(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page)
    assert opened.page.locator(".stability").count() == 0
    opened.page.click("#to-stability")
    opened.until("document.querySelectorAll('.stability').length === 3")
    assert opened.page.inner_text("#status") == (
        "1 of 3 clusters holds together, and 12 pictures wander "
        "(fitted 4 times on 80 % of the pictures and 4 times with other seeds, and 60 pictures disturbed)."
    )
    assert opened.page.locator(".verdict").all_inner_texts() == [
        "Falls apart: 50 % of it is found again when it is fitted anew. "
        "Of its pictures, 90 % stay when saved as a coarse JPEG.",
        "Has an uncertain border: 70 % of it is found again when it is fitted anew.",
        "Holds together: 90 % of it is found again when it is fitted anew. "
        "Of its pictures, 100 % stay when saved as a coarse JPEG.",
    ]
    assert opened.page.locator(".way span").all_inner_texts() == [
        "10 pictures wander to Cluster 2, when fitted with other seeds",
        "1 picture wanders to Cluster 2, when saved as a coarse JPEG",
        "1 picture wanders to none of these clusters, when fitted with other seeds, <b>new</b>",
    ]
    first = opened.page.locator(".ways .row").first
    few = first.locator(".card").count()
    assert few < 10
    first.locator("text=Show all").click()
    assert first.locator(".card").count() == 10
    first.locator("text=Show fewer").click()
    assert first.locator(".card").count() == few
    opened.page.click("#back")
    opened.until("document.querySelectorAll('.stability').length === 0")
    assert opened.said == []


def test_what_is_settled_wanders_no_more(browser: Browser, page: Path) -> None:
    opened = Opened(browser, Path(page).as_uri() + "#stability")
    opened.until("document.querySelectorAll('.stability').length === 3")
    opened.page.locator(".way").first.locator("text=Select all").click()
    assert opened.page.inner_text("#picked-count").startswith("10 ")
    opened.page.click("#pick-aside")
    opened.until("document.querySelectorAll('.ways .row').length === 2")
    assert "and 2 pictures wander" in opened.page.inner_text("#status")
    opened.page.keyboard.press("Control+z")
    opened.until("document.querySelectorAll('.ways .row').length === 3")
    # What went from one to the other is at home where both are one.
    opened.page.evaluate("mergeInto([0, 2], 2)")
    opened.until("document.querySelectorAll('.stability').length === 2")
    assert opened.page.locator(".way span").first.inner_text() == (
        "1 picture wanders to Cluster 2, when saved as a coarse JPEG"
    )
    opened.page.evaluate("moveToNew([1, 10, 13])")
    opened.until("document.querySelectorAll('.stability').length === 3")
    assert opened.page.locator(".verdict").last.inner_text() == "Made since this was measured."
    assert opened.said == []


def test_a_page_without_it_has_no_such_view(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500].as_uri() + "#stability")
    assert opened.page.locator("#to-stability, .stability").count() == 0
    assert opened.page.locator(".row").count() > 1
    assert opened.said == []
