"""The page of `pipeline cluster` in a real browser, opened from the disk.

Needs Chromium and the group `browser`: ``uv run --group browser pytest tests/browser``.
"""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.collection.criteria import Criterion
from pipeline.collection.estimate import Estimate
from pipeline.collection.layout import Layout
from pipeline.collection.page import read_thumbnails, render
from pipeline.heads.predictions import Assignments
from pipeline.images.listing import ImageRecord, digest_of
from pipeline.images.thumbnails import thumbnail, thumbnail_path

HOSTILE = "<img src=x onerror=alert(1)>.png"
ODD = '"quoted", and a comma.png'
BESIDE = 300
"""The number of pictures of the page whose thumbnails are not inside."""
PATIENCE = 120
"""Seconds until a page that does not answer fails a test."""
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


class Opened:
    """A page with all that it said and asked for."""

    def __init__(self, browser: Browser, path: Path, **options: object) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1200, "height": 800}, **options)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        # A page of 10,000 pictures is 60 MB, and the machine may be busy.
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".card")

    def until(self, expression: str) -> None:
        """Waits for a condition; Playwright's own way evaluates inside the page, which the page's policy forbids."""
        deadline = time.monotonic() + PATIENCE
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.02)

    @property
    def cards(self) -> int:
        count: int = self.page.locator(".card").count()
        return count

    @property
    def elements(self) -> int:
        count: int = self.page.evaluate("document.querySelectorAll('*').length")
        return count


def write_page(folder: Path, images: int, clusters: int, copies: int = 2) -> Path:
    """A collection's page with its thumbnails and originals; picture i is in cluster i % clusters.

    The first pictures are nearly the same, so many as `copies` in a group: two groups of two, or one of more.
    """
    rng = np.random.default_rng(0)
    names = [f"deep/{number:05d}.png" for number in range(images - 2)] + [HOSTILE, ODD]
    originals = folder / "pictures"
    (originals / "deep").mkdir(parents=True)
    # As many bytes as the thumbnail of a photo has.
    picture = Image.fromarray(rng.integers(0, 255, (18, 24, 3), dtype=np.uint8)).resize((240, 180))
    small = thumbnail(picture, 160)
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    original = encoded.getvalue()
    assert 2_000 < len(small) < 6_000, len(small)
    records = []
    for name in names:
        digest = digest_of(name.encode())
        path = thumbnail_path(folder / "thumbnails", digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(small)
        (originals / name).write_bytes(original)
        records.append(ImageRecord(name, "train", str(originals / name), None, digest))
    found = Assignments(
        names,
        np.full(images, "train"),
        np.arange(images) % clusters,
        rng.uniform(0.5, 1, images),
        (np.arange(images) + 1) % clusters,
        rng.uniform(0, 0.5, images),
    )
    page = folder / "index.html"
    near = (np.arange(images)[:, None] + np.arange(1, 1 + min(8, images - 1))) % images
    pairs = np.where(np.arange(images) < max(4, copies), np.arange(images) // copies, -1)
    layout = Layout(rng.uniform(0, 1, (images, 2)), near, rng.uniform(0, 1, near.shape), pairs)
    margins = rng.uniform(0, 9, images)
    curve = {2: 0.1, 5: 0.9, clusters: 0.5}
    estimate = Estimate(
        5, 4, 7, "fair", images, [Criterion("communities", 5, curve, "shares"), Criterion("odd", None, {}, "")]
    )
    inside = read_thumbnails(folder / "thumbnails", records) if images != BESIDE else None
    page.write_text(
        render(records, found, margins, layout, originals, "about", f"{images}", clusters, estimate, inside)
    )
    if inside is not None:
        shutil.rmtree(folder / "thumbnails")
    return page


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {
        images: write_page(tmp_path_factory.mktemp(str(images)), images, clusters)
        for images, clusters in ((2, 2), (500, 12), (10_000, 30), (BESIDE, 30))
    }


@pytest.mark.parametrize("images", [2, 500, 10_000, BESIDE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_with_few_elements_and_asks_nobody(
    images: int, scheme: str, browser: Browser, made: dict[int, Path]
) -> None:
    opened = Opened(browser, made[images], color_scheme=scheme)
    # What is drawn at first must not grow with the collection; benchmarks/page.py has the seconds.
    assert min(images, 90) <= opened.cards <= 200
    assert opened.elements < 1_200
    assert opened.page.evaluate("document.images.length") <= opened.cards + 1
    assert opened.page.title() == opened.page.inner_text("h1").replace(",", "")
    paper = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(251, 251, 249)" if scheme == "light" else "rgb(22, 24, 27)")
    opened.until("document.images[0].complete && document.images[0].naturalWidth > 0")
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("file:")] == []


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


@pytest.mark.parametrize("images", [2, 500, 10_000])
def test_the_map_shows_selects_and_opens(images: int, browser: Browser, made: dict[int, Path]) -> None:
    opened = Opened(browser, made[images])
    opened.page.click("#to-map")
    canvas = opened.page.locator("canvas")
    canvas.wait_for()
    painted = "(() => { const c = document.querySelector('canvas'); return c.getContext('2d')"
    painted += ".getImageData(0, 0, c.width, c.height).data.some((value) => value > 0); })()"
    assert opened.page.evaluate(painted)
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    assert frame is not None
    x, y = opened.page.evaluate("[data.places[0], 1 - data.places[1]]")
    edge = (5 if images < 1000 else 2.5) + 2  # so that no dot is cut off
    across, down = (edge + share * (frame[side] - 2 * edge) for share, side in ((x, "width"), (y, "height")))
    place = frame["x"] + across, frame["y"] + down
    opened.page.mouse.move(*place)
    assert opened.page.locator(".hover").is_visible()
    opened.page.mouse.click(*place)
    assert opened.page.is_visible("#large")
    assert opened.page.locator("#near button").count() == min(8, images - 1)
    first = opened.page.inner_text("#large-path")
    opened.page.locator("#near button").last.click()
    assert opened.page.inner_text("#large-path") != first
    opened.page.keyboard.press("Escape")
    # A frame around everything selects every picture.
    opened.page.mouse.move(frame["x"] + 1, frame["y"] + 1)
    opened.page.mouse.down()
    opened.page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    opened.page.mouse.move(frame["x"] + frame["width"] - 1, frame["y"] + frame["height"] - 1)
    opened.page.mouse.up()
    assert opened.page.inner_text("#status") == f"{images:,} pictures selected"
    before = opened.page.locator(".map ~ div .card b").first.inner_text()
    opened.page.select_option("#order", "name")
    assert opened.page.inner_text("#status") == f"{images:,} pictures selected"
    opened.page.select_option("#order", "typical")
    assert opened.page.locator(".map ~ div .card b").first.inner_text() == before
    assert opened.said == []


def on_the_map(browser: Browser, page: Path) -> tuple[Opened, str]:
    """A page whose map has the focus, on one of its pictures, and what is told of that picture."""
    opened = Opened(browser, page)
    opened.page.click("#to-map")
    opened.page.focus("canvas")
    opened.page.keyboard.press("ArrowRight")
    return opened, opened.page.inner_text("#status")


def test_the_map_is_walked_by_the_keys(browser: Browser, made: dict[int, Path]) -> None:
    opened, first = on_the_map(browser, made[500])
    opened.page.keyboard.press("ArrowRight")
    second = opened.page.inner_text("#status")
    assert first != second
    assert opened.page.locator(".hover").is_visible()
    opened.page.keyboard.press("Enter")
    assert opened.page.inner_text("#large-path").split("/")[-1] == second.split(",")[0]
    assert opened.said == []


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


def test_the_map_takes_another_width_and_keeps_its_place(browser: Browser, made: dict[int, Path]) -> None:
    opened, told = on_the_map(browser, made[500])
    opened.page.set_viewport_size({"width": 400, "height": 800})
    opened.until("document.querySelector('canvas').clientWidth < 400")
    assert opened.page.evaluate(
        "document.querySelector('canvas').clientWidth <= document.querySelector('main').clientWidth"
    )
    assert opened.page.locator(".hover").is_visible()
    opened.page.keyboard.press("Enter")
    assert opened.page.inner_text("#large-path").split("/")[-1] == told.split(",")[0]
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
    assert opened.page.locator(".row").nth(1).locator(".card b").all_inner_texts() == ["00002.png", "00003.png"]
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
