"""A table of assignments that a person changed -> the actions that say the same."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from pipeline.base.csv_tables import read_rows
from pipeline.base.errors import PipelineError
from pipeline.base.text import printable, quoted
from pipeline.collection.editing import Desk
from pipeline.collection.edits import Action
from pipeline.heads.predictions import numbers_of, whole

COLUMNS = ("path", "cluster")


def actions_of(desk: Desk, path: Path) -> tuple[list[Action], int]:
    """The differences of a table and a result, as moves and names.

    The table is the one that the page downloads, or assignments.csv. A picture with another cluster is moved there,
    also to a number that is new, and another name in `name` is the cluster's.

    Args:
        desk: the result.
        path: the table.

    Returns:
        the actions, and how many pictures of the table are not in the result.

    Raises:
        PipelineError: if it is no such table, has a picture or a cluster's name in two ways, or a number that was used
            for another cluster before.
    """
    rows = {printable(name): row for row, name in enumerate(desk.pictures.paths)}
    there = {cluster for cluster in desk.applied.clusters if cluster is not None}
    moves: dict[int, list[int]] = defaultdict(list)
    names: dict[int, str] = {}
    seen: set[int] = set()
    absent = 0
    with numbers_of(path, "pipeline edit"):
        for line, cells in enumerate(read_rows(path, COLUMNS, "pipeline edit"), 2):
            number, row = whole(cells["cluster"]), rows.get(printable(cells["path"]))
            if number not in there and number < desk.numbers.next:
                raise PipelineError(
                    f"{path}: row {line}: the number {number} is of no cluster here; a new one begins at "
                    f"{desk.numbers.next}"
                )
            name = cells.get("name", "").strip()
            if names.setdefault(number, name) != name:
                raise PipelineError(
                    f"{path}: row {line}: cluster {number} is called {quoted(name)} here and "
                    f"{quoted(names[number])} before; give it one name"
                )
            if row is None:
                absent += 1
            elif row in seen:
                raise PipelineError(f"{path}: row {line}: {quoted(cells['path'])} stands there twice")
            else:
                seen.add(row)
                if desk.applied.clusters[row] != number:
                    moves[number].append(row)
    actions: list[Action] = [
        {"do": "move", "pictures": desk.named(moved), "to": number} for number, moved in sorted(moves.items())
    ]
    left = there | set(moves)
    for number, name in sorted(names.items()):
        known = (desk.applied.names.get(number, ""), f"cluster {number}", f"Cluster {number}")
        if name and name not in known and number in left:
            actions.append({"do": "name", "cluster": number, "name": name})
    return actions, absent
