"""The command that corrects a clustering from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.cli.output import print_table, say

if TYPE_CHECKING:
    from pipeline.collection.editing import Desk
    from pipeline.collection.edits import Action

WORDS = {
    "name": "CLUSTER NAME",
    "move": "PICTURE... --to CLUSTER",
    "merge": "CLUSTER CLUSTER...",
    "split": "CLUSTER [PICTURE...]",
    "aside": "PICTURE...",
    "restore": "PICTURE...",
    "together": "PICTURE PICTURE...",
    "apart": "PICTURE PICTURE...",
    "not": "PICTURE... --cluster CLUSTER",
    "undo": "",
    "list": "",
}
"""What can be done, and with what."""
FEWEST = {"name": 2, "merge": 2, "together": 2, "apart": 2, "undo": 0, "list": 0}
"""Arguments of each at least; 1 of the others."""
PARTS = (2, 3)


def edit(
    folder: Annotated[str, typer.Argument(help="A result of 'pipeline cluster'.")],
    action: Annotated[str | None, typer.Argument(help=f"{', '.join(WORDS)}.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Clusters by number or name; pictures by their paths in assignments.csv, by their files, or by a "
            "pattern."
        ),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Of move: the cluster, or new.")] = None,
    into: Annotated[str | None, typer.Option(help="Of merge: which cluster stays. Default: the first.")] = None,
    cluster: Annotated[
        list[str] | None, typer.Option(help="Of not: a cluster that the pictures are none of; also several times.")
    ] = None,
    parts: Annotated[int, typer.Option(help="Of split without pictures: 2 or 3.")] = 2,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="An edits.json or a table (.csv) that the page has downloaded: put it into effect."
        ),
    ] = None,
) -> None:
    """Corrects a clustering: names, moves, merges, splits, pictures set aside. Nothing is trained.

    name CLUSTER NAME; move PICTURE... --to CLUSTER; merge CLUSTER CLUSTER... [--into CLUSTER]; split CLUSTER
    [PICTURE...]; aside, restore, together, apart PICTURE...; not PICTURE... --cluster CLUSTER; undo; list. All is kept
    in RESULT/edits.json, which every later run obeys, and the tables and the page are made anew at once.
    """
    given = arguments or []
    if (action is None) == (source is None):
        raise PipelineError("expected what to do, or --from FILE: pipeline edit RESULT " + "|".join(WORDS))
    if action is not None:
        _check(action, given, to, into, cluster, parts)
    elif source is not None and not Path(source).is_file():
        raise PipelineError(f"--from {source}: expected a file, found none")
    from pipeline.collection.result import Collection

    collection = Collection(Path(folder))
    if not collection.about.is_file():
        raise PipelineError(f"{folder}: expected a result of 'pipeline cluster', found none")
    from pipeline.collection import editing

    if action == "list":
        print_table(("action", "do", "what", "effect"), editing.told(editing.open_desk(collection)))
        return
    with collection.alone():
        desk = editing.open_desk(collection)
        if source is not None:
            _bring(desk, Path(source))
        elif action == "undo":
            say(f"undone: {editing.undo_last(desk, say)['do']}")
        else:
            editing.put(desk, [_made(desk, str(action), given, to, into, cluster or [], parts)], say)
        say(f"page: {collection.page}")


def _check(
    action: str, given: list[str], to: str | None, into: str | None, cluster: list[str] | None, parts: int
) -> None:
    """Refuses what the line alone shows to be wrong."""
    if action not in WORDS:
        raise unknown("action", action, WORDS)
    usage = f"pipeline edit RESULT {action} {WORDS[action]}".rstrip()
    least = FEWEST.get(action, 1)
    most = {"name": 2, "undo": 0, "list": 0}.get(action, len(given))
    options = (action == "move") == (to is not None) and (action == "not") == bool(cluster)
    if not least <= len(given) <= most or not options:
        raise PipelineError(f"{action}: expected {usage}")
    if into is not None and action != "merge":
        raise PipelineError(f"--into {into}: means something with merge alone; leave it out")
    if parts not in PARTS or (parts != PARTS[0] and (action != "split" or len(given) > 1)):
        raise PipelineError(f"--parts {parts}: expected 2 or 3, with split and a cluster alone")


def _made(
    desk: Desk, action: str, given: list[str], to: str | None, into: str | None, cluster: list[str], parts: int
) -> Action:
    """The action that the line asks for."""
    from pipeline.collection import editing

    if action == "name":
        return editing.naming(desk, *given)
    if action == "move":
        return editing.moving(desk, given, str(to))
    if action == "merge":
        return editing.merging(desk, given, into)
    if action == "split":
        return editing.splitting(desk, given[0], given[1:], parts)
    if action == "not":
        return editing.excluding(desk, given, cluster)
    return editing.about_pictures(desk, action, given)


def _bring(desk: Desk, source: Path) -> None:
    """Puts a downloaded file into effect."""
    from pipeline.collection import editing
    from pipeline.collection.from_table import actions_of

    if source.suffix.lower() != ".csv":
        editing.bring(desk, source, say)
        return
    actions, absent = actions_of(desk, source)
    if absent:
        say(f"{source}: {absent:,} pictures of it are not in {desk.collection.folder}", err=True)
    if actions:
        editing.put(desk, actions, say)
    said = ", ".join(f"{sum(each['do'] == do for each in actions):,} {do}" for do in ("move", "name"))
    say(f"{source}: {said}" if actions else f"{source}: says what the result says already")
