"""undo: the table that a move left -> its pictures, back in their old places."""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.base.text import quoted
from pipeline.collection.transfer import Step, move_file, said_by
from pipeline.images.sources import EXPORTED, absolute

UNDO, UNDO_COLUMNS = "undo.csv", ("now", "before", "link", "id")
"""Where each moved picture is, from the folder of this file on, which may be moved itself; its old place; of a link,
what it said there; and the picture's path in the collection."""


def begun(folder: Path, ours: Callable[[Mapping[Step, str]], bool]) -> dict[Step, str]:
    """The steps of a move into a folder that was begun before, and what each picture's link said; none: there was none.

    Args:
        folder: where the pictures were moved to.
        ours: whether steps are those of the move that is to go on.

    Raises:
        PipelineError: if they are not, or the undo file is damaged.
    """
    path, top = folder / UNDO, Path(os.path.abspath(folder))
    if not path.exists():
        return {}
    rows = read_table(path, UNDO_COLUMNS[:2], "pipeline export --how move")
    found = {Step(Path(row["before"]), top / row["now"]): row.get("link", "") for row in rows}
    if not ours(found):
        raise PipelineError(
            f"{path}: other pictures were moved here before; undo that first ({undo_command(folder)}), or give another "
            "folder"
        )
    return found


def undo_command(folder: Path) -> str:
    """The command that moves back what was moved into a folder."""
    return f"pipeline export --undo {folder / UNDO}"


def undo(path: Path, pictures: Path | None = None) -> str:
    """Moves pictures back to where they were, also after a move that was cut short; the undo file goes at the end.

    Args:
        path: the undo file.
        pictures: the folder that they shall be in; None: the one that they were in.

    Raises:
        PipelineError: if the file is missing or damaged, leads elsewhere than from its folder to that of the pictures,
            a picture is neither here nor there, or something else is in its old place. Nothing is changed then.
    """
    top = path.parent.absolute()
    rows = read_table(path, UNDO_COLUMNS[:2], "pipeline export --how move")
    # Each went from ROOT/NAME to the folder of its cluster, and goes no other way back.
    roots, links = set(), {}
    for row in rows:
        now = top / row["now"]
        if not now.is_relative_to(top) or ".." in Path(row["now"]).parts:
            raise PipelineError(
                f"{path}: expected pictures in its own folder, found {quoted(row['now'])}; nothing was changed"
            )
        name = row.get("id") or os.path.join("", *now.relative_to(top).parts[1:])
        own, other = now.name, Path(name).name
        stem, dot, suffix = other.rpartition(".")
        # Side by side, names that are the same got a number; any other name is not what a move has made.
        numbered = rf"{re.escape(stem or other)} \(\d+\){re.escape(dot + suffix if stem else '')}"
        if own != other and not re.fullmatch(numbered, own):
            raise PipelineError(
                f"{path}: expected {quoted(other)} under its own name, found {quoted(own)}; nothing was changed"
            )
        roots.add(root_of(row["before"], name, path))
        back = Path(row["before"]) if pictures is None else absolute(pictures) / name
        links[Step(now, back)] = row.get("link")
    check_one(roots, path)
    for step, link in links.items():
        here, there = os.path.lexists(step.source), os.path.lexists(step.target)
        if not here and not there:
            raise PipelineError(
                f"{step.source}: expected the picture that was moved here, found it neither here nor in its old place "
                f"{step.target}; bring it back, or take its line out of {path}; nothing was changed"
            )
        # A move that was cut short may have left a picture in both places.
        if here and there and not same(step, link):
            raise PipelineError(f"{step.target}: is there already, and nothing is overwritten; nothing was changed")
    moved = [step for step in links if os.path.lexists(step.source)]
    for step in moved:
        if os.path.lexists(step.target):
            step.source.unlink()
        else:
            move_file(step, links[step])
    for step in moved:
        # Emptied folders go, as far as they are ours.
        for parent in step.source.parents:
            if (
                top not in parent.parents
                or not parent.is_dir()
                or {each.name for each in parent.iterdir()} - {EXPORTED}
            ):
                break
            (parent / EXPORTED).unlink(missing_ok=True)
            parent.rmdir()
    path.unlink()
    return f"{len(moved):,} pictures moved back"


def same(step: Step, link: str | None) -> bool:
    """Whether what is in a picture's old place is that picture, so that the one in the new place may go."""
    if step.source.is_symlink() or step.target.is_symlink():
        return step.source.is_symlink() and said_by(step.target) == link
    # By way of a linked folder both places may be one.
    return not step.source.samefile(step.target) and filecmp.cmp(step.source, step.target, shallow=False)


def root_of(path: str, name: str, where: Path) -> Path:
    """The folder that a picture's path starts at; what follows is its name in the collection.

    Raises:
        PipelineError: if it is not, or the name leads out of that folder. Nobody's list says where else to write.
    """
    parts = Path(name).parts
    well = bool(parts) and Path(path).parts[-len(parts) :] == parts and ".." not in parts and "\0" not in path
    if not well or not Path(path).is_absolute() or Path(name).is_absolute():
        raise PipelineError(
            f"{where}: expected a picture below its folder under its own name, found {quoted(name)} at {quoted(path)}; "
            "nothing was changed"
        )
    return Path(path).parents[len(parts) - 1]


def check_one(roots: Set[Path], where: Path) -> None:
    """Refuses pictures of several folders: all of a collection start at one.

    Raises:
        PipelineError: if there are several.
    """
    if len(roots) > 1:
        some = " and ".join(sorted(map(str, roots))[:2])
        raise PipelineError(f"{where}: expected pictures below one folder, found them in {some}; nothing was changed")
