"""The views of the page to browse in a real browser: all clusters, one, near-duplicates, how many.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.opened import Opened
from tests.browser.pages import BESIDE, HOSTILE, write_page


@pytest.mark.parametrize("images", [2, 500, 10_000, BESIDE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_with_few_elements_and_asks_nobody(
    images: int, scheme: str, browser: Browser, made: dict[int, Path]
) -> None:
    opened = Opened(browser, made[images], color_scheme=scheme)
    # What is drawn at first must not grow with the collection; benchmarks/page.py has the seconds.
    assert min(images, 60) <= opened.cards <= 200
    assert opened.elements < 1_500
    entries = opened.page.locator(".entry[data-number]").count()
    assert opened.page.evaluate("document.images.length") <= opened.cards + entries + 1
    assert opened.page.title() == opened.page.inner_text("h1").replace(",", "")
    paper = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(251, 251, 249)" if scheme == "light" else "rgb(22, 24, 27)")
    opened.until("document.images[0].complete && document.images[0].naturalWidth > 0")
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("file:")] == []


def test_thumbnails_that_come_after_the_cards_are_shown(browser: Browser, made: dict[int, Path]) -> None:
    page = made[10_000]
    assert not (page.parent / "thumbnails").exists()
    opened = Opened(browser, f"{page.as_uri()}#cluster-1", whole=False)
    # More than stand before the script, and none from beside the page.
    opened.until("document.images.length > 100")
    opened.page.locator(".card").nth(60).scroll_into_view_if_needed()
    opened.until("document.querySelectorAll('.card img')[60].naturalWidth > 0")
    opened.until(
        "[...document.querySelectorAll('.card img')].every((image) => !image.complete || image.naturalWidth > 0)"
    )


def test_scrolling_brings_all_pictures_of_a_cluster(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[10_000])
    opened.page.click("text=Show all >> nth=0")
    opened.until("document.querySelectorAll('.row').length === 0")
    assert 0 < opened.cards < 334
    for _ in range(20):
        opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        opened.page.wait_for_timeout(50)
    assert opened.cards == 334
    opened.page.click("#back")
    opened.until("document.querySelectorAll('.row').length >= 20")
    opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    opened.until("document.querySelectorAll('.row').length === 30")
    assert opened.said == []


def test_a_picture_opens_and_the_keys_lead_on(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    opened.page.select_option("#order", "name")
    opened.page.locator(".row .card").nth(1).click()
    first = opened.page.inner_text("#large-path")
    opened.until("document.getElementById('large-picture').naturalWidth === 240")
    opened.page.keyboard.press("ArrowRight")
    second = opened.page.inner_text("#large-path")
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.inner_text("#large-path") == first < second
    opened.page.keyboard.press("Escape")
    assert not opened.page.is_visible("#large")


def test_a_name_of_a_file_stays_text(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[2])
    opened.page.fill("#find", "onerror")
    card = opened.page.locator(".card")
    card.wait_for()
    assert card.inner_text().splitlines()[0] == HOSTILE
    card.click()
    assert opened.page.inner_text("#large-path") == HOSTILE
    opened.until("document.getElementById('large-picture').naturalWidth === 240")
    opened.page.wait_for_timeout(200)
    assert opened.said == []


def test_another_width_takes_nothing_away(browser: Browser, made: dict[int, Path]) -> None:
    """A window made narrower, or a telephone turned: the focus, what was typed and what was drawn stay."""
    opened = Opened(browser, made[10_000])
    fitting = "document.querySelector('.row').querySelectorAll('.card').length"
    focused = "document.activeElement.closest('.card')?.querySelector('b').textContent"

    def resized(width: int) -> None:
        before = opened.page.evaluate(fitting)
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.until(f"{fitting} {'<' if width < 1200 else '>'} {before}")

    wide = opened.page.evaluate(fitting)
    opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    opened.until("document.querySelectorAll('.row').length === 30")
    # Typed, and not left yet.
    field = opened.page.locator(".head input").nth(25)
    field.click()
    opened.page.keyboard.press("End")
    opened.page.keyboard.type(" and mice")
    resized(600)
    opened.page.keyboard.type("!")
    assert field.input_value().endswith(" and mice!")
    assert opened.page.locator(".row").count() == 30
    # The focus of a card that is gone is where it was last seen in its line.
    line = opened.page.locator(".row").nth(3)
    resized(1200)
    line.locator(".card").last.focus()
    resized(600)
    assert opened.page.evaluate(focused) == line.locator(".card b").last.text_content()
    line.locator("text=Show all").focus()
    resized(1200)
    assert opened.page.evaluate(fitting) == wide
    opened.page.keyboard.press("Enter")
    opened.until("document.activeElement.id === 'view' && location.hash")
    assert opened.said == []


def test_a_group_of_copies_is_shown_whole_at_any_width(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, write_page(tmp_path, 40, 2, copies=12))
    cards = "document.querySelector('.row').querySelectorAll('.card').length"
    opened.page.set_viewport_size({"width": 500, "height": 800})
    opened.page.click("#to-copies")
    opened.until("document.querySelectorAll('.row').length === 1")
    few = opened.page.evaluate(cards)
    assert few < 12
    opened.page.locator("text=Show all").press("Enter")
    assert opened.page.evaluate(cards) == 12
    assert opened.page.evaluate("[...document.querySelectorAll('.card')].indexOf(document.activeElement)") == few
    for width in (800, 400):
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.until(f"fitting === fit() && innerWidth === {width}")
        assert opened.page.evaluate(cards) == 12
    assert not opened.page.locator("text=Show all").is_visible()
    assert opened.said == []


def test_the_button_that_a_wider_window_takes_away_leaves_its_focus_to_a_picture(
    browser: Browser, tmp_path: Path
) -> None:
    opened = Opened(browser, write_page(tmp_path, 40, 2, copies=5))
    opened.page.set_viewport_size({"width": 500, "height": 800})
    opened.page.click("#to-copies")
    opened.until("document.querySelectorAll('.row').length === 1")
    button = opened.page.locator("text=Show all")
    button.focus()
    few = opened.page.evaluate("fitting")
    assert few < 5
    opened.page.set_viewport_size({"width": 1400, "height": 800})
    opened.until("fitting === fit() && fitting >= 5")
    assert not button.is_visible()
    assert opened.page.evaluate("[...document.querySelectorAll('.card')].indexOf(document.activeElement)") == few
    assert opened.said == []


def test_the_evidence_for_the_number_is_shown(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    opened.page.click("#to-number")
    opened.page.wait_for_selector(".charts svg")
    text = opened.page.inner_text("#view")
    assert "There seem to be about 5 clusters (4 to 7; the evidence is fair). This page has 12." in text
    assert "odd: no answer" in text
    assert opened.page.get_attribute(".charts svg", "aria-label") == "shares: 2: 0.10, 5: 0.90, 12: 0.50"
    assert opened.page.locator(".charts text").all_text_contents() == ["2", "12", "5"]
    assert opened.said == []


def test_near_duplicates_are_shown_together(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    opened.page.click("#to-copies")
    opened.until("document.querySelectorAll('.row').length === 2")
    assert opened.page.locator(".row").nth(0).locator(".card b").all_inner_texts() == ["00000.png", "00001.png"]
    second = opened.page.locator(".row").nth(1)
    assert second.locator(".card b").all_inner_texts() == ["00003.png", "00002.png"]
    assert "best: 00003.png, 240 \u00d7 180, 71 kB" in second.inner_text()
    opened.page.click("#back")
    opened.page.locator("text=Show all >> nth=0").click()
    opened.page.select_option("#order", "copies")
    copied = opened.page.evaluate("[0, 1, 2, 3].filter((row) => data.cluster[row] === bySize[0]).map(fileName)")
    assert opened.page.locator(".card b").all_inner_texts()[: len(copied)] == copied
    opened.page.select_option("#order", "outliers")
    opened.page.click("#back")
    opened.until("document.querySelectorAll('.row').length === 12")
    shown = opened.page.locator(".row").first.locator(".card b").first.inner_text()
    most = opened.page.evaluate(
        "fileName(members[bySize[0]].reduce((a, b) => data.remoteness[a] >= data.remoteness[b] ? a : b))"
    )
    assert shown == most
    assert opened.said == []
