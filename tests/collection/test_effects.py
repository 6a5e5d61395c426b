"""What the actions of edits.json mean: the cases that the page's script runs too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.collection.edits import Action, checked
from pipeline.collection.effects import apply

CASES = sorted((Path(__file__).parent / "edits").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_cases_that_the_page_shares(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    about = {"format": "pipeline edits", "version": 1, "result": "0" * 12}
    actions = checked({**about, "actions": case["actions"]}, path).actions
    found = apply(actions, case["paths"], case["digests"], case["clusters"])
    assert found.clusters == case["expected"]
    assert {str(number): name for number, name in found.names.items()} == case["names"]
    assert len(found.left) == case["left"]


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 15


def test_pictures_that_are_gone_are_counted_once_each() -> None:
    gone = {"path": "gone.jpg", "digest": "0" * 32}
    actions: list[Action] = [
        {"do": "aside", "pictures": [gone]},
        {"do": "move", "pictures": [gone, {**gone, "path": "b"}], "to": 1},
    ]
    found = apply(actions, ["a"], ["a" * 32], [0])
    assert (found.clusters, found.left, found.gone) == ([0], [0, 1], 2)
