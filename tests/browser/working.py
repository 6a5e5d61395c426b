"""What the tests of corrections do on a page and read from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator

from pipeline.collection.edits import Edits, read_edits
from tests.browser.opened import Opened

CLUSTERS = 12
"""Of the page of 500 pictures: picture i is in cluster i % CLUSTERS."""


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
