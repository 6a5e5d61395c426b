"""The levels of the overview in a real browser: groups of clusters, clusters, and their parts.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.opened import Opened


def slide(opened: Opened, key: str) -> None:
    opened.page.focus("#level")
    opened.page.keyboard.press(key)


def test_the_slider_goes_from_groups_to_parts_and_back(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    assert opened.page.get_attribute("#level", "aria-valuetext") == "medium: 12 clusters"
    slide(opened, "ArrowLeft")
    assert opened.page.get_attribute("#level", "aria-valuetext") == "coarse: 4 groups"
    assert opened.page.locator(".group h2").first.inner_text() == "Cluster 0, Cluster 1, Cluster 2"
    assert opened.page.locator(".group .soft").first.inner_text() == "3 clusters, 126 pictures"
    # Every cluster stands below the heading of its group.
    order = "[...document.querySelectorAll('.group, .row')].map((one) => one.dataset.number ?? 'group').join()"
    opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    opened.until("document.querySelectorAll('.row').length === 12")
    assert opened.page.evaluate(order) == "group,0,1,2,group,3,4,5,group,6,7,8,group,9,10,11"
    slide(opened, "End")
    assert opened.page.get_attribute("#level", "aria-valuetext") == "fine: 24 parts of clusters"
    first = opened.page.locator(".of-parts").first
    assert first.locator(".row p").all_inner_texts() == ["Part 1 of 2, 21 pictures", "Part 2 of 2, 21 pictures"]
    slide(opened, "ArrowLeft")
    assert opened.page.locator(".of-parts").count() == opened.page.locator(".group").count() == 0
    assert opened.said == []


def test_a_group_becomes_one_cluster_and_a_cluster_its_parts(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    slide(opened, "Home")
    opened.page.locator("text=Make this one cluster").first.click()
    opened.until("bySize.length === 10")
    assert opened.page.get_attribute("#level", "aria-valuetext") == "coarse: 4 groups"
    # A cluster that is the only one of its group stands with others of the kind, at the end.
    opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert opened.page.locator(".group h2").last.inner_text() == "Clusters by themselves"
    assert opened.page.locator(".group .soft").last.inner_text() == "1 cluster, 126 pictures"
    assert opened.page.locator(".row").last.get_attribute("data-number") == "0"
    opened.page.keyboard.press("Control+z")
    opened.until("bySize.length === 12")
    assert opened.page.locator(".group h2").first.inner_text() == "Cluster 0, Cluster 1, Cluster 2"
    slide(opened, "End")
    opened.page.locator("text=Make these clusters").first.click()
    assert opened.page.is_visible("#split")
    opened.page.click("#split-do")
    opened.until("bySize.length === 13")
    assert opened.page.evaluate("[members[0].length, members[12].length]") == [21, 21]
    # What was a part is a cluster of one part now.
    assert opened.page.get_attribute("#level", "aria-valuetext") == "fine: 24 parts of clusters"
    assert opened.page.locator(".of-parts[data-number='12'] .row").count() == 1
    assert opened.said == []


@pytest.mark.parametrize("images", [2, 10_000])
def test_any_number_of_pictures_has_levels(images: int, browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[images])
    for key in ("Home", "End"):
        slide(opened, key)
        opened.until("document.querySelectorAll('.card').length > 1")
        assert opened.cards < 400
    assert opened.said == []
