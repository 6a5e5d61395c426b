"""Nouns from files in the format of WordNet's database, wndb(5WN)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.collection import nouns as module
from pipeline.collection.nouns import find_nouns, find_synsets
from tests.collection.wordnet import SYNSETS, write_wordnet

FOUND = ["ball", "Labrador retriever", "dog"]


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WNSEARCHDIR", "WNHOME", "NLTK_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "SYSTEM", ())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_common_nouns_of_what_can_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wordnet(tmp_path / "dict")
    assert find_nouns() == []
    monkeypatch.setenv("WNHOME", str(tmp_path))
    assert find_nouns() == FOUND
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path / "nothing"))
    assert find_nouns() == FOUND


def test_every_word_of_every_synset_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_synsets() == []
    write_wordnet(tmp_path)
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path))
    assert find_synsets() == SYNSETS
    (tmp_path / "index.noun").unlink()
    assert find_synsets() == SYNSETS


@pytest.mark.parametrize("packed", [True, False])
def test_where_nltk_keeps_its_download(packed: bool, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "nltk_data" / "corpora"
    write_wordnet(folder / "wordnet")
    if packed:
        with zipfile.ZipFile(folder / "wordnet.zip", "w") as archive:
            for path in sorted((folder / "wordnet").iterdir()):
                archive.write(path, f"wordnet/{path.name}")
                path.unlink()
    assert find_nouns() == FOUND


def test_a_damaged_copy_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path))
    for damaged in ("00000001 06 n", "x 06 n 01 dog 0 000 | a dog", "00000001 06 n 0x dog", "\0"):
        write_wordnet(tmp_path)
        (tmp_path / "data.noun").write_text(damaged)
        assert (find_nouns(), find_synsets()) == ([], [])
    (tmp_path / "data.noun").unlink()
    assert (find_nouns(), find_synsets()) == ([], [])
