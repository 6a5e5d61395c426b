"""What people correct on the page to browse, each as they do it: name, move, merge, split, set aside, undo, save.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator

from pipeline.base.csv_tables import read_table
from pipeline.collection.edits import Edits, read_edits
from pipeline.collection.effects import apply
from tests.browser.opened import Opened

CLUSTERS = 12


@pytest.fixture
def opened(browser: Browser, made: dict[int, Path]) -> Opened:
    """A page of 500 pictures in a browser of its own: nothing was done here before."""
    return Opened(browser, made[500])


def value(opened: Opened, expression: str) -> Any:
    return opened.page.evaluate(expression)


def entry(opened: Opened, number: int) -> Locator:
    return opened.page.locator(f".entry[data-number='{number}']")


def size(opened: Opened, number: int) -> int:
    """How many pictures the list at the side says that a cluster has."""
    return int(entry(opened, number).locator("span").last.inner_text())


def tick(opened: Opened, *places: int) -> list[int]:
    """Ticks cards, by their place on the page; their rows."""
    for place in places:
        card = opened.page.locator("#view .card").nth(place)
        card.hover()
        card.locator(".tick").click(position={"x": 10, "y": 10})
    return [value(opened, f"document.querySelectorAll('#view .card')[{place}].row") for place in places]


def numbers(opened: Opened, rows: list[int]) -> list[int | None]:
    found: list[int | None] = value(opened, f"{rows}.map(numberOf)")
    return found


def saved(opened: Opened, folder: Path) -> Edits:
    """edits.json as the page saves it, read by the program."""
    with opened.page.expect_download() as download:
        opened.page.click("#save-edits")
    assert download.value.suggested_filename == "edits.json"
    download.value.save_as(folder / "edits.json")
    return read_edits(folder / "edits.json")


def test_pictures_are_dragged_onto_a_cluster_of_the_list(opened: Opened) -> None:
    rows = tick(opened, 0, 2)
    assert opened.page.inner_text("#picked-count") == "2 pictures selected"
    opened.page.locator("#view .card").nth(2).drag_to(entry(opened, 5))
    assert numbers(opened, rows) == [5, 5]
    assert size(opened, 5) == 44
    assert not opened.page.is_visible("#picked")
    assert opened.page.inner_text("#toast span") == "Moved 2 pictures to Cluster 5."
    opened.page.click("#toast button")
    assert numbers(opened, rows) == [0, 0]
    assert opened.page.inner_text("#toast") == "Undone: Moved 2 pictures to Cluster 5."
    # A picture that is not selected goes alone, also onto a cluster on the page.
    first = value(opened, "document.querySelector('#view .card').row")
    opened.page.locator("#view .card").first.drag_to(opened.page.locator(".row").nth(1))
    assert numbers(opened, [first, *rows[1:]]) == [1, 0]
    assert opened.said == []


def test_pictures_are_moved_by_the_keys_alone(opened: Opened) -> None:
    opened.page.keyboard.press("c")
    opened.page.keyboard.type("cluster 3")
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("Enter")
    opened.until("location.hash === '#cluster-3'")
    opened.until("document.activeElement.id === 'view'")
    opened.page.locator("#view .card").first.focus()
    opened.page.keyboard.press("x")
    opened.page.keyboard.press("ArrowRight")
    opened.page.keyboard.press("Shift+ArrowDown")
    rows = value(opened, "[...selection]")
    # A line: from the first card to the one below the second.
    assert len(rows) == value(opened, "fit()") + 2
    assert rows == value(opened, f"ordered(members[3]).slice(0, {len(rows)})")
    opened.page.keyboard.press("m")
    opened.page.keyboard.type("Nice ones")
    assert opened.page.inner_text("#choose-list") == "New cluster “Nice ones”"
    opened.page.keyboard.press("Enter")
    assert numbers(opened, rows) == [CLUSTERS] * len(rows)
    assert opened.page.inner_text("#side-list .entry >> nth=0").split("\n") == ["Nice ones", str(len(rows))]
    # The cards are gone, and the focus is on one that is there.
    assert value(opened, "document.activeElement.row") == value(opened, "ordered(members[3])[0]")
    opened.page.keyboard.press("m")
    opened.page.keyboard.type("nice")
    opened.page.keyboard.press("Enter")
    assert size(opened, CLUSTERS) == len(rows) + 1
    opened.page.keyboard.press("Control+z")
    opened.page.keyboard.press("Control+z")
    assert value(opened, f"members[{CLUSTERS}]") is None
    assert size(opened, 3) == 42
    opened.page.keyboard.press("Control+Shift+z")
    assert size(opened, CLUSTERS) == len(rows)
    assert opened.said == []


def test_a_range_and_all_of_a_cluster_are_selected(opened: Opened) -> None:
    entry(opened, 4).click()
    opened.until("document.querySelectorAll('.row').length === 0")
    tick(opened, 1)
    opened.page.locator("#view .card").nth(5).click(modifiers=["Shift"])
    assert value(opened, "[...selection]") == value(opened, "ordered(members[4]).slice(1, 6)")
    opened.page.locator("#view .card").nth(3).click(modifiers=["Control"])
    assert value(opened, "selection.size") == 4
    opened.page.locator("#view .card").nth(3).focus()
    opened.page.keyboard.press("Control+a")
    assert opened.page.inner_text("#picked-count") == "42 pictures selected"
    assert opened.page.locator("#view .card[aria-selected='true']").count() == opened.cards
    opened.page.keyboard.press("Escape")
    assert not opened.page.is_visible("#picked")
    opened.page.click("text=Select all")
    # What is selected stays so in another view.
    entry(opened, 2).click()
    opened.until("location.hash === '#cluster-2'")
    opened.page.click("#pick-new")
    assert value(opened, "members[4]") is None
    assert size(opened, CLUSTERS) == 42
    assert opened.said == []


def test_clusters_are_merged_by_ticks_and_by_dragging(opened: Opened) -> None:
    field = opened.page.locator("#name-9")
    field.scroll_into_view_if_needed()
    field.fill("Plants")
    field.press("Enter")
    for number in (8, 9, 10):
        entry(opened, number).hover()
        entry(opened, number).locator(".tick").click(position={"x": 10, "y": 10})
    assert opened.page.inner_text("#merge") == "Merge 3 clusters"
    opened.page.click("#merge")
    # The one with a name takes the others.
    assert entry(opened, 9).inner_text().split("\n") == ["Plants", "123"]
    assert opened.page.inner_text("#toast span") == "Merged Cluster 8, Cluster 10 into Plants."
    assert opened.page.inner_text("h1") == "10 clusters of 500 pictures"
    entry(opened, 0).drag_to(entry(opened, 1))
    assert entry(opened, 0).count() == 0
    assert size(opened, 1) == 84
    # By a key, from the cluster that is shown.
    entry(opened, 2).click()
    opened.until("location.hash === '#cluster-2'")
    opened.page.keyboard.press("j")
    opened.page.keyboard.type("plants")
    opened.page.keyboard.press("Enter")
    opened.until("location.hash === '#cluster-9'")
    assert size(opened, 9) == 165
    for _ in range(3):
        opened.page.keyboard.press("Control+z")
    assert [size(opened, number) for number in (0, 1, 2, 8, 9, 10)] == [42, 42, 42, 41, 41, 41]
    assert opened.said == []


def test_a_cluster_is_split_as_the_preview_shows_it(opened: Opened, tmp_path: Path) -> None:
    entry(opened, 6).click()
    opened.until("location.hash === '#cluster-6'")
    opened.page.keyboard.press("s")
    assert opened.page.inner_text("#split-title") == "Split Cluster 6"
    assert opened.page.locator("#split-parts section").count() == 2
    opened.page.click("#split-three")
    sections = opened.page.locator("#split-parts section")
    assert sections.count() == 3
    assert sum(int(text.split()[0]) for text in sections.locator("> span").all_inner_texts()) == 42
    # A picture goes to the next part by a click.
    row = value(opened, "ordered(proposed[0], 'typical')[0]")
    sections.nth(0).locator("button").first.click()
    assert value(opened, f"proposed[1].includes({row})")
    sections.nth(1).locator("input").fill("Second")
    parts = value(opened, "proposed")
    opened.page.click("#split-do")
    order = sorted(range(3), key=lambda part: -len(parts[part]))
    expected = dict(zip(order, (6, CLUSTERS, CLUSTERS + 1), strict=True))
    for part, number in expected.items():
        assert set(numbers(opened, parts[part])) == {number}
    assert entry(opened, expected[1]).inner_text().startswith("Second")
    action = saved(opened, tmp_path).actions[0]
    assert (action["do"], action["cluster"], len(action["parts"])) == ("split", 6, 2)
    opened.page.keyboard.press("Control+z")
    assert size(opened, 6) == 42
    assert value(opened, "bySize.length") == CLUSTERS
    assert opened.said == []


def test_pictures_are_set_aside_and_brought_back(opened: Opened, tmp_path: Path) -> None:
    rows = tick(opened, 0, 1)
    opened.page.keyboard.press("a")
    assert numbers(opened, rows) == [None, None]
    assert opened.page.inner_text("#aside-size") == "2"
    assert size(opened, 0) == 40
    with opened.page.expect_download() as download:
        opened.page.click("#save")
    download.value.save_as(tmp_path / "assignments.csv")
    table = read_table(tmp_path / "assignments.csv", ("path", "cluster", "name"), "")
    paths = value(opened, f"{rows}.map((row) => data.paths[row])")
    assert len(table) == 498
    assert not {row["path"] for row in table} & set(paths)
    opened.page.click("#to-aside")
    opened.until("location.hash === '#aside'")
    assert opened.page.inner_text("#status") == "2 pictures set aside: in no cluster, and not exported."
    assert opened.cards == 2
    tick(opened, 0)
    assert opened.page.inner_text("#pick-aside").startswith("Bring back")
    opened.page.click("#pick-aside")
    assert opened.cards == 1
    # A move brings back, too.
    opened.page.locator("#view .card").first.drag_to(entry(opened, 7))
    assert opened.page.inner_text("#aside-size") == "0"
    assert sorted(map(str, numbers(opened, rows))) == ["0", "7"]
    assert opened.said == []


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


def test_an_opened_picture_is_moved_and_told_about(opened: Opened) -> None:
    opened.page.locator("#view .card").first.click()
    row = value(opened, "enlargedRow()")
    assert opened.page.locator("#near button").count() == 8
    opened.until("document.getElementById('large-facts').textContent === '240 \u00d7 180 pixels'")
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
    assert size_of_second(opened) == 40
    opened.page.locator("#view .card").first.tap()
    assert opened.page.is_visible("#large")
    assert value(opened, "$('large').getBoundingClientRect().right <= 390")
    assert opened.said == []


def size_of_second(opened: Opened) -> int:
    found: int = value(opened, "members[2].length")
    return found


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
