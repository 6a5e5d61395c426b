"""How long the page of `pipeline cluster` takes to open in a browser, as its number of pictures grows.

    uv run --group browser python -m benchmarks.page
    uv run --group browser python -m benchmarks.page --pictures 10000 --repeats 5

Each page is written with made thumbnails of a photo's size in bytes and opened from the disk by Chromium, in turns. The
seconds are from the call to the first picture; the ratio is to the smallest page, which shows what opening any page
costs on this machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.opened import CHROMIUM, Opened
from tests.browser.pages import write_page

CLUSTERS = 30
LEAST = 2
"""Pictures of the smallest page."""


def main() -> None:
    """Measures in turns and prints the medians and their ratio to the smallest page's."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pictures", type=int, nargs="+", default=[500, 10_000])
    options.add_argument("--repeats", type=int, default=3)
    given = options.parse_args()
    if CHROMIUM is None:
        raise SystemExit("this benchmark needs Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = {}
        for pictures in sorted({LEAST, *given.pictures}):
            target = Path(folder) / str(pictures)
            target.mkdir()
            pages[pictures] = write_page(target, pictures, min(CLUSTERS, pictures))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        taken: dict[int, list[float]] = {pictures: [] for pictures in pages}
        elements = {}
        for _ in range(given.repeats):
            for pictures, page in pages.items():
                began = time.perf_counter()
                opened = Opened(browser, page, whole=False)
                opened.until("document.querySelector('.card img')?.naturalWidth > 0")
                taken[pictures].append(time.perf_counter() - began)
                elements[pictures] = opened.elements
                opened.page.close()
        least = statistics.median(taken[LEAST])
        for pictures, page in pages.items():
            seconds = statistics.median(taken[pictures])
            print(
                f"{pictures:6,} pictures, {page.stat().st_size / 1e6:5.1f} MB, {elements[pictures]:5,} elements: "
                f"{seconds:.2f} s ({min(taken[pictures]):.2f} to {max(taken[pictures]):.2f}), "
                f"{seconds / least:.1f} times the smallest page"
            )


if __name__ == "__main__":
    main()
