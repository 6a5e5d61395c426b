"""What the actions of edits.json teach the head: moves, what belongs together, what does not, what a picture is not."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.collection.edits import Action
from pipeline.collection.effects import Finder
from pipeline.heads.answers import Answers

TEACHING = ("move", "together", "apart", "not")


def answers_in(
    actions: Sequence[Action], paths: Sequence[str], digests: Sequence[str], numbers: Sequence[int]
) -> tuple[Answers, tuple[int, ...]]:
    """What a head is to learn from actions.

    A picture that was moved to a part of a split cluster belongs to that cluster, which is split after the head has
    spoken; one that was moved to a cluster of its own needs one output more. Pictures that are gone are passed over,
    and of two moves the later counts.

    Args:
        actions: of `pipeline.collection.edits.Edits`.
        paths: of the pictures, which are rows.
        digests: theirs.
        numbers: the lasting numbers of the head's outputs.

    Returns:
        the answers, and the lasting numbers of the outputs that the head needs for them: `numbers`, and new ones.
    """
    finder, outputs, parents = Finder(paths, digests), list(numbers), dict[int, int]()
    belongs: dict[int, int] = {}
    excluded: dict[int, tuple[int, ...]] = {}
    groups: dict[str, list[list[int]]] = {"together": [], "apart": []}

    def rows_of(action: Action) -> list[int]:
        found = (finder.row(picture) for picture in action["pictures"])
        return sorted({row for row in found if row is not None})

    def output_of(number: int) -> int:
        while number not in outputs and number in parents:
            number = parents[number]
        if number not in outputs:
            outputs.append(number)
        return outputs.index(number)

    for action in actions:
        if action["do"] == "split":
            parents |= {part["cluster"]: action["cluster"] for part in action["parts"]}
        elif action["do"] == "move":
            rows = rows_of(action)
            if rows:
                belongs |= dict.fromkeys(rows, output_of(action["to"]))
        elif action["do"] == "not":
            none = {output_of(number) for number in action["clusters"] if number in outputs or number in parents}
            for row in rows_of(action):
                excluded[row] = tuple(sorted({*excluded.get(row, ()), *none}))
        elif action["do"] in groups and len(rows := rows_of(action)) > 1:
            groups[action["do"]].append(rows)
    kept = {row: clusters for row, clusters in excluded.items() if clusters and row not in belongs}
    return Answers(belongs, kept, groups["together"], groups["apart"]), tuple(outputs)


def answered(actions: Sequence[Action], paths: Sequence[str], digests: Sequence[str]) -> set[int]:
    """The pictures, as rows, that a person has said something of: what they belong to or not, or that they go aside."""
    finder = Finder(paths, digests)
    said = (action for action in actions if action["do"] in (*TEACHING, "aside"))
    return {row for action in said for picture in action["pictures"] if (row := finder.row(picture)) is not None}
