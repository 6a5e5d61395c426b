from __future__ import annotations

from typing import Any

from pipeline.collection.answers import answered, answers_in
from pipeline.heads.answers import Answers

PATHS = [f"{number}.png" for number in range(8)]
DIGESTS = [f"{number:032x}" for number in range(8)]
NUMBERS = (4, 7, 9)
"""Of three outputs."""


def pictures(*rows: int) -> list[dict[str, str]]:
    return [{"path": PATHS[row], "digest": DIGESTS[row]} for row in rows]


def found(*actions: dict[str, Any]) -> tuple[Answers, tuple[int, ...]]:
    return answers_in(actions, PATHS, DIGESTS, NUMBERS)


def test_the_last_move_of_a_picture_counts() -> None:
    answers, outputs = found(
        {"do": "move", "pictures": pictures(0, 1), "to": 7}, {"do": "move", "pictures": pictures(1), "to": 9}
    )
    assert answers.belongs == {0: 1, 1: 2}
    assert outputs == NUMBERS


def test_a_cluster_of_its_own_is_one_output_more() -> None:
    answers, outputs = found(
        {"do": "move", "pictures": pictures(2), "to": 12}, {"do": "move", "pictures": pictures(3), "to": 12}
    )
    assert answers.belongs == {2: 3, 3: 3}
    assert outputs == (*NUMBERS, 12)


def test_the_part_of_a_split_is_still_its_cluster_to_the_head() -> None:
    split = {"do": "split", "cluster": 7, "parts": [{"cluster": 10, "pictures": pictures(0)}]}
    again = {"do": "split", "cluster": 10, "parts": [{"cluster": 11, "pictures": pictures(1)}]}
    answers, outputs = found(split, again, {"do": "move", "pictures": pictures(5), "to": 11})
    assert answers.belongs == {5: 1}
    assert outputs == NUMBERS


def test_groups_and_exclusions() -> None:
    answers, outputs = found(
        {"do": "together", "pictures": pictures(1, 2)},
        {"do": "apart", "pictures": pictures(3, 4, 3)},
        {"do": "together", "pictures": pictures(6)},
        {"do": "not", "pictures": pictures(5), "clusters": [4, 9]},
        {"do": "not", "pictures": pictures(5, 7), "clusters": [7, 99]},
    )
    assert answers == Answers({}, {5: (0, 1, 2), 7: (1,)}, [[1, 2]], [[3, 4]])
    assert outputs == NUMBERS


def test_what_is_gone_or_known_better_says_nothing() -> None:
    gone = [{"path": "gone.png", "digest": "f" * 32}]
    answers, outputs = found(
        {"do": "move", "pictures": gone, "to": 50},
        {"do": "together", "pictures": [*gone, *pictures(1)]},
        {"do": "not", "pictures": pictures(2), "clusters": [4]},
        {"do": "move", "pictures": pictures(2), "to": 4},
        {"do": "name", "cluster": 4, "name": "cats"},
        {"do": "merge", "clusters": [4, 7], "into": 4},
        {"do": "aside", "pictures": pictures(0)},
    )
    assert answers == Answers({2: 0}, together=[], apart=[])
    assert outputs == NUMBERS
    assert not found()[0]


def test_who_was_spoken_of() -> None:
    actions: list[dict[str, Any]] = [
        {"do": "together", "pictures": pictures(1, 2)},
        {"do": "aside", "pictures": [*pictures(4), {"path": "gone.png", "digest": "f" * 32}]},
        {"do": "name", "cluster": 4, "name": "cats"},
        {"do": "split", "cluster": 7, "parts": [{"cluster": 10, "pictures": pictures(0)}]},
    ]
    assert answered(actions, PATHS, DIGESTS) == {1, 2, 4}
