"""What people correct on the page to browse, each as they do it: move, merge, split, set aside, undo.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.base.csv_tables import read_table
from tests.browser.opened import Opened
from tests.browser.working import CLUSTERS, entry, numbers, saved, size, tick, value


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
