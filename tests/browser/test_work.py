"""Work on the page to browse: notes, an opened picture, what is saved and comes back, a phone, the keys.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from pipeline.collection.effects import apply
from tests.browser.opened import Opened
from tests.browser.working import entry, numbers, saved, tick, value


def test_what_belongs_together_is_noted_and_changes_no_cluster(opened: Opened, tmp_path: Path) -> None:
    rows = tick(opened, 0, 7)
    opened.page.keyboard.press("t")
    assert opened.page.inner_text("#toast span") == "Noted that 2 pictures belong together."
    rows += tick(opened, 1, 8)
    opened.page.click("#pick-apart")
    assert numbers(opened, rows) == [0, 1, 0, 1]
    opened.page.click("#to-changes")
    opened.until("location.hash === '#changes'")
    assert opened.page.locator(".change p").all_inner_texts() == [
        "Noted that 2 pictures do not belong together.",
        "Noted that 2 pictures belong together.",
    ]
    assert [action["do"] for action in saved(opened, tmp_path).actions] == ["together", "apart"]
    opened.page.click("text=Undo the last one")
    assert opened.page.locator(".change").count() == 1
    assert opened.said == []


def test_questions_are_answered(opened: Opened, tmp_path: Path) -> None:
    opened.page.click("#to-questions")
    asked = opened.page.locator(".question")
    assert asked.count() == 3
    assert asked.first.locator(".choice").all_inner_texts() == ["Cluster 1", "Cluster 0", "None of these"]
    asked.first.locator("text=Cluster 1").click()
    assert numbers(opened, [0]) == [1]
    # One that stays where it is is an answer, too.
    asked.first.locator(".choice").nth(1).click()
    assert asked.count() == 1
    opened.page.click("text=None of these")
    opened.until("document.getElementById('status').textContent.startsWith('All questions are answered')")
    actions = saved(opened, tmp_path).actions
    assert [action["do"] for action in actions] == ["move", "move", "not"]
    assert actions[2]["clusters"] == [(334 + 1) % 12, 334 % 12]
    opened.page.click("#undo")
    assert asked.count() == 1
    assert opened.said == []


def test_a_suggested_name_is_taken_by_a_press(opened: Opened, tmp_path: Path) -> None:
    button = opened.page.locator(".suggested:visible")
    assert button.all_inner_texts() == ["\u201cbeaches\u201d?"]
    button.click()
    assert opened.page.locator("#name-1").input_value() == "beaches"
    assert button.count() == 0
    assert saved(opened, tmp_path).actions == ({"do": "name", "cluster": 1, "name": "beaches"},)


def test_an_opened_picture_is_moved_and_told_about(opened: Opened) -> None:
    opened.page.locator("#view .card").first.click()
    row = value(opened, "enlargedRow()")
    assert opened.page.locator("#near button").count() == 8
    opened.until("!document.getElementById('large-original').hidden")
    assert opened.page.get_attribute("#large-original", "href") == value(opened, "$('large-picture').src")
    opened.page.keyboard.press("m")
    opened.page.keyboard.type("cluster 11")
    opened.page.keyboard.press("Enter")
    assert numbers(opened, [row]) == [11]
    assert opened.page.inner_text("#large-about").startswith("Cluster 11")
    assert "placed by you; the run says Cluster 0" in opened.page.inner_text("#large-about")
    # The dialog is still there, and the line of what was done lies in it.
    opened.page.click("#toast button")
    assert numbers(opened, [row]) == [0]
    opened.page.click("#large-second")
    assert numbers(opened, [row]) == [1]
    opened.page.keyboard.press("Escape")
    assert not opened.page.is_visible("#large")
    assert opened.said == []


def test_what_is_saved_is_what_the_page_shows(opened: Opened, tmp_path: Path) -> None:
    """All of it once, through a reload, and the program makes the same of it."""
    field = opened.page.locator("#name-0")
    field.fill("Food & fruit")
    field.press("Enter")
    tick(opened, 0, 1)
    opened.page.locator("#view .card").first.drag_to(entry(opened, 3))
    tick(opened, 2)
    opened.page.keyboard.press("n")
    tick(opened, 3, 4)
    opened.page.keyboard.press("Delete")
    entry(opened, 5).drag_to(entry(opened, 4))
    opened.page.locator(".row[data-number='4'] .card").first.focus()
    opened.page.keyboard.press("s")
    opened.page.click("#split-do")
    done = value(opened, "done().length")
    assert opened.page.inner_text("#unsaved") == f"{done} changes not saved yet"
    shown = value(opened, "data.paths.map((_, row) => numberOf(row))")
    opened.page.reload()
    opened.page.wait_for_selector(".card")
    assert value(opened, "data.paths.map((_, row) => numberOf(row))") == shown
    assert opened.page.inner_text("#unsaved") == f"{done} changes not saved yet"
    edits = saved(opened, tmp_path)
    assert opened.page.inner_text("#unsaved") == ""
    assert not opened.page.is_visible("#save-edits")
    assert edits.result == f"{500:012x}"
    applied = apply(edits.actions, *(value(opened, f"data.{key}") for key in ("paths", "digests", "cluster")))
    assert applied.clusters == shown
    assert applied.names == {0: "Food & fruit"}
    assert applied.left == []
    # What was saved stays so when the page is opened again, and what is undone then is a change.
    opened.page.reload()
    opened.page.wait_for_selector(".card")
    assert opened.page.inner_text("#unsaved") == ""
    opened.page.click("#undo")
    assert opened.page.inner_text("#unsaved") == "1 change not saved yet"
    assert opened.said == []


def test_on_a_phone_the_list_is_a_drawer_and_touches_select(browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[500], has_touch=True, is_mobile=True)
    opened.page.set_viewport_size({"width": 390, "height": 844})
    opened.until("innerWidth === 390")
    assert value(opened, "document.documentElement.scrollWidth") == 390
    assert not opened.page.is_visible("#side")
    opened.page.tap("#to-side")
    entry(opened, 2).tap()
    opened.until("location.hash === '#cluster-2'")
    assert not opened.page.is_visible("#side")
    opened.page.locator("#view .card").nth(0).locator(".tick").tap(position={"x": 10, "y": 10})
    # Once something is selected, a touch anywhere on a card selects.
    opened.page.locator("#view .card").nth(1).tap()
    assert opened.page.inner_text("#picked-count") == "2 pictures selected"
    opened.page.tap("#pick-move")
    opened.page.locator(".offer").nth(1).tap()
    assert value(opened, "members[2].length") == 40
    opened.page.locator("#view .card").first.tap()
    assert opened.page.is_visible("#large")
    assert value(opened, "$('large').getBoundingClientRect().right <= 390")
    assert opened.said == []


def test_the_keys_are_told_and_do_nothing_while_a_name_is_typed(opened: Opened) -> None:
    opened.page.keyboard.press("?")
    assert "move to another cluster" in opened.page.inner_text("#help")
    opened.page.keyboard.press("Escape")
    opened.page.locator("#view .card").first.focus()
    opened.page.keyboard.press("r")
    assert value(opened, "document.activeElement.id") == "name-0"
    opened.page.keyboard.type("amnestx?")
    opened.page.keyboard.press("Enter")
    assert entry(opened, 0).inner_text().split("\n")[0] == "amnestx?"
    assert value(opened, "done().length") == 1
    assert value(opened, "selection.size") == 0
    assert opened.said == []


def test_an_opened_picture_has_its_size_bytes_and_date(opened: Opened) -> None:
    size = Path(opened.page.url.removeprefix("file://")).with_name("pictures") / "deep" / "00000.png"
    told = {0: f", {size.stat().st_size / 1000:.0f} kB, taken 2021-05-31 17:05:59", 1: ""}
    for row, more in told.items():
        opened.page.evaluate(f"enlarge([{row}], 0)")
        opened.until(f"document.getElementById('large-facts').textContent === '240 \\u00d7 180 pixels{more}'")
