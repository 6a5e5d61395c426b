"""Clean views that are kept from the look at the pictures until they are embedded."""

from __future__ import annotations

from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipeline.backbones.geometry import Geometry
from pipeline.base.errors import PipelineError
from pipeline.collection import collect
from pipeline.collection.cluster import cluster
from pipeline.extraction import clean_views as kept
from pipeline.extraction import views
from pipeline.extraction.clean_views import CleanViews, clean_views
from pipeline.images import listing

SQUARE, WIDE = Geometry(32, 32, "pad"), Geometry(24, 28)


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[CleanViews]:
    with clean_views(tmp_path, [SQUARE, WIDE, SQUARE]) as made:
        yield made
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def picture(seed: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (40 + seed, 60, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def test_they_are_those_of_the_picture(clean: CleanViews) -> None:
    pictures = {f"{seed}": picture(seed, "L" if seed % 3 == 0 else "RGB") for seed in range(6)}
    for digest, each in pictures.items():
        clean.add(digest, each)
    for digest, each in pictures.items():
        for geometry in (SQUARE, WIDE):
            found = clean.get(digest, geometry)
            assert found is not None
            np.testing.assert_array_equal(found, views.resample(each, geometry))
    assert clean.get("9", SQUARE) is None
    assert clean.get("0", Geometry(16, 16)) is None


@pytest.mark.parametrize("free", [2**40, 16_000])
def test_pictures_beyond_the_room_are_not_kept(tmp_path: Path, free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 4000 if free > 4000 / kept.MOST_OF_FREE else 2**30)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    with clean_views(tmp_path, [SQUARE]) as clean:
        for seed in range(4):
            clean.add(f"{seed}", picture(seed))
        # 3,072 bytes each: the second begins within the room.
        assert [clean.get(f"{seed}", SQUARE) is None for seed in range(4)] == [False, False, True, True]


def test_a_full_disk_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(FileIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    with Full("/dev/null", "r+") as file:
        full = CleanViews(file, [SQUARE], 2**30)
        full.add("0", picture(0))
        assert full.get("0", SQUARE) is None


def save_photos(pictures: np.ndarray) -> None:
    Path("photos").mkdir()
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(Path("photos") / f"{number}.png")


def test_a_new_picture_is_decoded_once_and_gets_the_same_embedding(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_photos(pictures[:12])

    def refused(*_: object) -> None:
        raise PipelineError("decoded again")

    with monkeypatch.context() as once:
        once.setattr("pipeline.images.listing.read_picture", refused)
        cluster("photos", 2, "once", method="kmeans")
    monkeypatch.setattr(kept, "MOST_BYTES", 0)
    cluster("photos", 2, "twice", method="kmeans")
    once_made, twice_made = (sorted(Path(name, "cache", "features").rglob("*.h5")) for name in ("once", "twice"))
    assert [path.read_bytes() for path in once_made] == [path.read_bytes() for path in twice_made]
    assert len(once_made) == 1


def test_a_picture_that_goes_away_after_the_look_is_missed(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_photos(pictures[:6])
    write_list = listing.write_list

    def then_lost(*arguments: object) -> None:
        write_list(*arguments)  # type: ignore[arg-type]
        Path("photos/3.png").unlink(missing_ok=True)

    monkeypatch.setattr(collect, "write_list", then_lost)
    made = cluster("photos", 2, "made", method="kmeans")
    assert "3.png" not in made.ids
    assert len(made.ids) == 5
