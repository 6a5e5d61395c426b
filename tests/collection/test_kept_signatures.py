from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.collection import kept_signatures as module
from pipeline.collection.kept_signatures import kept_signatures
from pipeline.images.listing import ImageRecord
from pipeline.images.thumbnails import thumbnail, thumbnail_path


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    """Three pictures, two of them the same file; their thumbnails are there."""
    made = []
    for name, digest, grey in (("a.png", "aa", 10), ("b.png", "bb", 200), ("c.png", "aa", 10)):
        path = thumbnail_path(tmp_path / "thumbnails", digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(thumbnail(Image.new("L", (20, 10), grey), 160))
        made.append(ImageRecord(name, "train", f"/{name}", None, digest))
    return made


def test_they_are_made_once_whatever_the_order_and_the_names(
    records: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = kept_signatures(tmp_path / "kept", records, tmp_path / "thumbnails")
    assert found.firsts.tolist() == [0, 1, 0]
    assert found.aspect.tolist() == [2, 2, 2]
    (kept,) = (tmp_path / "kept").iterdir()
    written = kept.read_bytes()
    monkeypatch.setattr(module, "decode", lambda path: pytest.fail("decoded again"))
    again = kept_signatures(tmp_path / "kept", records[::-1], tmp_path / "thumbnails")
    np.testing.assert_array_equal(again.grey, found.grey[::-1])
    assert kept.read_bytes() == written


def test_what_cannot_be_seen_is_unknown_and_looked_at_again(records: list[ImageRecord], tmp_path: Path) -> None:
    thumbnails, kept = tmp_path / "thumbnails", tmp_path / "kept"
    path = thumbnail_path(thumbnails, "bb")
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    assert kept_signatures(kept, records, thumbnails).aspect.tolist() == [2, 0, 2]
    path.write_bytes(whole)
    assert kept_signatures(kept, records, thumbnails).aspect.tolist() == [2, 2, 2]


def test_a_damaged_file_is_made_anew(records: list[ImageRecord], tmp_path: Path) -> None:
    first = kept_signatures(tmp_path / "kept", records, tmp_path / "thumbnails")
    (kept,) = (tmp_path / "kept").iterdir()
    written = kept.read_bytes()
    kept.write_bytes(written[:-1])
    again = kept_signatures(tmp_path / "kept", records, tmp_path / "thumbnails")
    np.testing.assert_array_equal(again.grey, first.grey)
    assert kept.read_bytes() == written
