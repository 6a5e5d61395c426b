"""A page that `pipeline browse` serves, from the pictures to the folders of `pipeline export`.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from pipeline.collection.edits import read_edits
from tests.browser.opened import Opened
from tests.browser.working import entry, numbers, size, tick, value
from tests.serving import browsing

COLOURS = ((200, 30, 30), (30, 160, 30), (30, 30, 200))
SAVED = "saved; pipeline cluster, search and export obey it"


def pipeline(*arguments: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pipeline", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures each of three colours, in three clusters."""
    folder = tmp_path_factory.mktemp("served")
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for number in range(24):
        noise = rng.integers(0, 40, (60, 80, 3))
        picture = Image.fromarray((noise + COLOURS[number % 3]).astype(np.uint8))
        picture.save(folder / "photos" / f"{number}.{'jpg' if number < 12 else 'png'}")
    pipeline("cluster", folder / "photos", "-k", "3", "--method", "kmeans", "--out", folder / "made")
    return folder / "made"


def saved(opened: Opened) -> None:
    opened.until(f"$('unsaved').textContent === {SAVED!r}")


def test_what_is_done_in_the_page_is_what_export_makes(browser: Browser, result: Path) -> None:
    with browsing(result, "--no-open") as address:
        opened = Opened(browser, address)
        assert not opened.page.is_visible("#save-edits")
        (row,) = tick(opened, 0)
        (before,) = numbers(opened, [row])
        to, others = [number for number in range(3) if number != before]
        field = opened.page.locator(f"#name-{before}")
        field.fill("Food & fruit")
        field.press("Enter")
        saved(opened)
        many = size(opened, to)
        opened.page.locator("#view .card").first.drag_to(entry(opened, to))
        saved(opened)
        assert [action["do"] for action in read_edits(result / "edits.json").actions] == ["name", "move"]
        # Undo is saved, too.
        opened.page.click("#undo")
        opened.page.click("#undo")
        opened.page.click("#redo")
        opened.page.click("#redo")
        saved(opened)
        opened.page.reload()
        opened.page.wait_for_selector(".card")
        assert numbers(opened, [row]) == [to]
        assert opened.page.inner_text("#unsaved") == SAVED
        assert opened.page.locator(f"#name-{before}").input_value() == "Food & fruit"

        # The original comes through the server: a browser opens no file from there.
        opened.page.locator("#view .card").first.click()
        opened.until("document.getElementById('large-facts').textContent.startsWith('80 \\u00d7 60 pixels')")
        # Of the picture that is shown, before it has come, too.
        leads = "$('large-original').href === $('large-picture').src"
        assert value(opened, f"($('after').click(), {leads} && !$('large-picture').complete)")
        value(opened, "$('before').click()")
        opened.until("document.getElementById('large-picture').complete")
        with opened.page.expect_popup() as popup:
            opened.page.click("#large-original")
        popup.value.wait_for_url(f"{address}original/*")
        assert popup.value.evaluate("document.images[0].naturalWidth") == 80
        popup.value.close()
        opened.page.keyboard.press("Escape")
        assert {url for url in opened.asked if not url.startswith((address, "data:"))} == set()
        assert opened.said == []

        # What is done elsewhere is there when somebody comes back to the page.
        pipeline("edit", result, "name", str(to), "Other things")
        with opened.page.expect_navigation():
            value(opened, "dispatchEvent(new Event('focus'))")
        opened.page.wait_for_selector(".card")
        assert opened.page.locator(f"#name-{to}").input_value() == "Other things"
        assert size(opened, to) == many + 1

        # A file that somebody damaged is named, and Save works again when it is mended.
        whole = (result / "edits.json").read_bytes()
        (result / "edits.json").write_text("{")
        opened.page.locator("#view .card").last.focus()
        opened.page.keyboard.press("a")
        opened.until("$('unsaved').textContent.includes('edits.json: not JSON')")
        assert opened.page.inner_text("#unsaved").startswith("1 change not saved yet: ")
        assert opened.page.inner_text("#unsaved").endswith("; kept in this browser")
        assert (result / "edits.json").read_text() == "{"
        (result / "edits.json").write_bytes(whole)
        assert opened.page.inner_text("#save-edits") == "Save"
        opened.page.click("#save-edits")
        saved(opened)
        assert opened.page.inner_text("#toast").startswith("Saved in the folder of this result: pipeline cluster")
        away = value(opened, "data.paths[aside[0]]")
        actions = read_edits(result / "edits.json").actions
        assert [action["do"] for action in actions] == ["name", "move", "name", "aside"]

    # The server is gone; what is done meanwhile is written when it is back.
    opened.page.locator("#view .card").nth(1).focus()
    gone = value(opened, "data.paths[document.activeElement.row]")
    opened.page.keyboard.press("a")
    opened.until("$('unsaved').textContent.includes('does not answer any more; kept in this browser')")
    with browsing(result, "--no-open") as again:
        assert again != address
        opened.page.goto(again)
        opened.page.wait_for_selector(".card")
        saved(opened)
        shown = value(opened, "data.paths.map((_, row) => numberOf(row))")
        paths = value(opened, "data.paths")
    assert {gone, away} == {path for path, number in zip(paths, shown, strict=True) if number is None}

    names = {before: "Food & fruit", to: "Other things", others: f"cluster-{others}"}
    pipeline("export", result, result.parent / "sorted", "--how", "copy", "--flat")
    found = {path.name: path.parent.name for path in (result.parent / "sorted").rglob("*.??g")}
    assert found == {path: names[number] for path, number in zip(paths, shown, strict=True) if number is not None}
