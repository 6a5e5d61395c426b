"""What changed between two runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.collection.changes import COLUMNS, Changes, changes, read_changes, write_changes
from pipeline.collection.edits import Action
from pipeline.collection.matching import Pictures, common

BEFORE = Pictures(["a", "b", "c", "d"], ["1" * 32, "2" * 32, "3" * 32, "4" * 32], np.array([0, 0, 1, 1]))
NOW = Pictures(["a", "b2", "d", "e"], ["1" * 32, "2" * 32, "4" * 32, "5" * 32], np.array([0, 1, 0, 1]))


def test_each_change_is_a_row(tmp_path: Path) -> None:
    found = changes(BEFORE, NOW, common(BEFORE, NOW), [])
    assert found.rows == [
        ("b2", "renamed", "b", "b2"),
        ("b2", "moved", 0, 1),
        ("d", "moved", 1, 0),
        ("e", "new", "", 1),
        ("c", "gone", 1, ""),
    ]
    assert found.counts() == {"new": 1, "gone": 1, "moved": 2, "renamed": 1}
    assert found.line() == "1 new, 1 gone, 1 renamed, 2 moved"
    path = tmp_path / "changes.csv"
    write_changes(path, found)
    assert path.read_text().splitlines()[:2] == [",".join(COLUMNS), "b2,renamed,b,b2"]
    assert read_changes(path).counts() == found.counts()
    assert read_changes(tmp_path / "none.csv").counts() is None


def test_nothing_is_no_change() -> None:
    found = changes(BEFORE, BEFORE, np.arange(4), [])
    assert (found.rows, found.counts(), found.line()) == ([], None, "")
    assert Changes([]).counts() is None


def test_what_a_person_did_is_no_change() -> None:
    picture = {"path": "a", "digest": "1" * 32}
    edits: list[Action] = [
        {"do": "move", "pictures": [picture], "to": 1},
        {"do": "aside", "pictures": [{"path": "d", "digest": "4" * 32}]},
    ]
    assert changes(BEFORE, BEFORE, np.arange(4), edits).rows == []
    # The head has the picture elsewhere now, and the person's word holds.
    now = Pictures(BEFORE.paths, BEFORE.digests, np.array([2, 0, 1, 0]))
    assert changes(BEFORE, now, np.arange(4), edits).rows == []
