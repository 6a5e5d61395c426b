"""A cache that several others share."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.config.settings import ExtractSettings
from pipeline.extraction import extract
from pipeline.extraction.timings import Timings
from pipeline.images.listing import ImageRecord, write_list
from tests.conftest import SMALL, write_images
from tests.extraction.test_extract import contents


def extracted(folder: Path, records: list[ImageRecord], settings: ExtractSettings, cache: Path | None) -> Timings:
    write_list(folder, records)
    return extract.extract("pets", SMALL, folder, folder / "features", settings, "cpu", cache=cache)


def test_what_one_has_computed_the_others_copy(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = [replace(each, path=str(tmp_path / each.path)) for each in write_images(tmp_path, pictures[:50])]
    cache = tmp_path / "cache"
    assert extracted(tmp_path / "a", records[:30], small, cache).images == 30
    moved = [replace(each, id=f"elsewhere/{each.id}") for each in records[20:40]]
    assert extracted(tmp_path / "b", moved, small, cache).images == 10
    assert extracted(tmp_path / "c", records[:45], small, cache).images == 5
    extracted(tmp_path / "fresh", records[:45], small, None)
    assert contents(tmp_path / "c" / "features") == contents(tmp_path / "fresh" / "features")
    # Of more views the first are copied; with another seed nothing is.
    more = extracted(tmp_path / "d", records[:20], replace(small, views=4), cache)
    assert more.widened == more.images
    assert extracted(tmp_path / "e", records[:20], replace(small, views=4), cache).images == 0
    assert extracted(tmp_path / "f", records[:4], replace(small, seed=1), cache).images == 4
    # Each embedding stands there once, and a second look adds nothing.
    before = sorted(cache.rglob("*"))
    assert extracted(tmp_path / "a", records[:30], small, cache).reused == 30
    assert sorted(cache.rglob("*")) == before


def test_a_result_that_is_there_is_added_and_damage_costs_what_it_struck(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    records = [replace(each, path=str(tmp_path / each.path)) for each in write_images(tmp_path, pictures[:32])]
    cache = tmp_path / "cache"
    extracted(tmp_path / "a", records, small, None)
    assert extracted(tmp_path / "a", records, small, cache).images == 0
    one, _ = cache.rglob("*.h5")
    one.write_bytes(one.read_bytes()[:-1])
    assert extracted(tmp_path / "b", records, small, cache).images == 16
    assert extracted(tmp_path / "c", records, small, cache).images == 0


def test_several_add_at_a_time(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = [replace(each, path=str(tmp_path / each.path)) for each in write_images(tmp_path, pictures[:24])]
    cache = tmp_path / "cache"
    extracted(tmp_path / "a", records, small, None)
    extracted(tmp_path / "b", records[::-1], small, None)
    both = [
        threading.Thread(target=extracted, args=(tmp_path / name, given, small, cache))
        for name, given in (("a", records), ("b", records[::-1]))
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert extracted(tmp_path / "c", records, small, cache).images == 0
