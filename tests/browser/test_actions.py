"""What people do on the page to browse in a real browser: download, rename, find, the keys.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from playwright.sync_api import Browser

from pipeline.base.csv_tables import FORMULA, read_table
from tests.browser.opened import Opened
from tests.browser.pages import CAFES, FORMULAS, HOSTILE, NAMED, ODD


def test_the_table_that_is_downloaded_is_right(browser: Browser, made: dict[int, Path], tmp_path: Path) -> None:
    opened = Opened(browser, made[500])
    field = opened.page.locator(".head input").first
    renamed = int(field.input_value().removeprefix("Cluster "))
    field.fill('so-called "cats", mostly')
    field.press("Enter")
    with opened.page.expect_download() as download:
        opened.page.click("#save")
    assert download.value.suggested_filename == "assignments.csv"
    download.value.save_as(tmp_path / "assignments.csv")
    with (tmp_path / "assignments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows[-2:]] == [HOSTILE, ODD]
    assert [int(row["cluster"]) for row in rows] == [number % 12 for number in range(500)]
    assert {row["name"] for row in rows if int(row["cluster"]) == renamed} == {'so-called "cats", mostly'}
    # The name is still there when the page is opened again in this browser.
    opened.page.reload()
    assert opened.page.locator(".head input").first.input_value() == 'so-called "cats", mostly'


def test_the_table_holds_any_name_and_no_formula(browser: Browser, made: dict[int, Path], tmp_path: Path) -> None:
    opened = Opened(browser, made[NAMED])
    field = opened.page.locator(".head input").first
    field.fill("=1+1")
    field.press("Enter")
    with opened.page.expect_download() as download:
        opened.page.click("#save")
    download.value.save_as(tmp_path / "assignments.csv")
    columns = ("path", "cluster", "name")
    rows = read_table(tmp_path / "assignments.csv", columns, "")
    assert [row["path"] for row in rows[: len(CAFES + FORMULAS)]] == [*CAFES, *FORMULAS]
    assert "=1+1" in {row["name"] for row in rows}
    with (tmp_path / "assignments.csv").open(newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if FORMULA.match(cell) and cell[0] != "'"]


def test_both_spellings_of_a_name_are_found_by_either(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[NAMED])
    for words in ("caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301"):
        opened.page.fill("#find", words)
        opened.until("document.querySelectorAll('.card').length === 2")
        assert sorted(opened.page.locator(".card b").all_inner_texts()) == sorted(CAFES)


def test_pictures_that_were_moved_with_their_page_are_shown(
    browser: Browser, made: dict[int, Path], tmp_path: Path
) -> None:
    shutil.copytree(made[NAMED].parent, tmp_path / "moved [2]")
    page = (tmp_path / "moved [2]" / "index.html").read_text()
    assert str(made[NAMED].parent) in page
    there = tmp_path / "moved [2]" / "index.html"
    there.write_text(page.replace(str(made[NAMED].parent), "/nowhere"))
    opened = Opened(browser, there)
    opened.page.fill("#find", "1.png")
    opened.page.locator(".card").first.click()
    opened.until("document.getElementById('large-picture').naturalWidth === 240")
    assert not opened.page.is_visible("#large-gone")
    opened.page.keyboard.press("Escape")
    # Gone from both places: the thumbnail, and what to do.
    shutil.rmtree(tmp_path / "moved [2]" / "pictures")
    opened.page.locator(".card").last.click()
    opened.page.locator("#large-gone").wait_for()
    opened.until("document.getElementById('large-picture').naturalWidth === 160")
    assert "is not in /nowhere/pictures any more" in opened.page.inner_text("#large-gone")
    assert "pipeline cluster THAT_FOLDER --out THIS_RESULT" in opened.page.inner_text("#large-gone")


def test_the_keys_reach_what_can_be_seen_and_nothing_else(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500])
    inside = "[...document.querySelectorAll('.card')].every((card) => card.getBoundingClientRect().right <= innerWidth)"
    one_line = "[...document.querySelectorAll('.row')].every((row) => new Set([...row.querySelectorAll('.card')]"
    one_line += ".map((card) => card.getBoundingClientRect().top)).size === 1)"
    for width in (1200, 500):
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.until(inside)
        opened.until(one_line)
    fitting = "document.querySelectorAll('.row')[0].querySelectorAll('.card').length"
    few = opened.page.evaluate(fitting)
    opened.page.set_viewport_size({"width": 1200, "height": 800})
    # The buttons are made anew when the page is laid out for its new width, so a key that is pressed before is lost.
    opened.until(f"{fitting} > {few}")
    # The focus goes where the eye goes.
    opened.page.locator("text=Show all >> nth=0").press("Enter")
    opened.until("document.activeElement.id === 'view'")
    assert opened.page.get_attribute("#view", "aria-label") == opened.page.locator(".head input").input_value()
    opened.page.locator(".card").first.press("Enter")
    opened.page.locator("#near button").last.press("Enter")
    assert opened.page.evaluate("document.activeElement.id") == "large"
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.get_attribute("#large-picture", "alt")
    opened.page.keyboard.press("Escape")
    opened.page.fill("#find", "0001")
    assert opened.page.inner_text("#status").endswith("have this in their path.")
    assert opened.said == []
