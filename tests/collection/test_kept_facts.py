from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline.collection import kept_facts as module
from pipeline.collection.kept_facts import kept_facts
from pipeline.images.facts import Facts
from pipeline.images.listing import ImageRecord, digest_of_file


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    """Three pictures, two of them the same file."""
    made = []
    for name, side in (("a.png", 10), ("b.png", 20), ("c.png", 10)):
        path = tmp_path / name
        Image.new("L", (side, 2 * side)).save(path)
        made.append(ImageRecord(name, "train", name, None, digest_of_file(path)))
    return made


def test_they_are_read_once_whatever_the_order_the_names_and_the_files_dates(
    records: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    found = kept_facts(kept, records, tmp_path)
    size = (tmp_path / "b.png").stat().st_size
    assert found[1] == Facts(20, 40, size, "", "PNG")
    (file,) = kept.iterdir()
    written = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "facts_of", lambda path: pytest.fail("read again"))
        assert kept_facts(kept, records[::-1], tmp_path / "gone") == found[::-1]
    assert file.read_bytes() == written
    file.unlink()
    os.utime(tmp_path / "b.png", (1, 1))
    kept_facts(kept, records, tmp_path)
    assert file.read_bytes() == written


def test_what_is_gone_is_unknown_and_looked_for_again(records: list[ImageRecord], tmp_path: Path) -> None:
    os.rename(tmp_path / "b.png", tmp_path / "elsewhere")
    assert [facts is None for facts in kept_facts(tmp_path / "kept", records, tmp_path)] == [False, True, False]
    os.rename(tmp_path / "elsewhere", tmp_path / "b.png")
    found = kept_facts(tmp_path / "kept", records, tmp_path)[1]
    assert found is not None
    assert found.width == 20


def test_embeddings_have_none(tmp_path: Path) -> None:
    assert kept_facts(tmp_path / "kept", [ImageRecord("a", "train", "", None, "")], tmp_path) == [None]
    assert not (tmp_path / "kept").exists()
