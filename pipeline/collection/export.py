"""export: a clustered collection -> its pictures in a folder a cluster, as links, copies or moved; and back again."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.base.text import quoted
from pipeline.collection.result import Collection
from pipeline.heads.predictions import PREDICTED_COLUMNS, numbers_of, whole
from pipeline.images.listing import LIST_NAME, read_list
from pipeline.images.sources import EXPORTED

UNDO, UNDO_COLUMNS = "undo.csv", ("now", "before", "link")
"""Where each moved picture is, from the folder of this file on, which may be moved itself; its old place; and, of a
link, what it said there."""


@dataclass(frozen=True)
class Step:
    """A picture and its new place."""

    source: Path
    target: Path


def link(steps: Sequence[Step]) -> None:
    """Links to the pictures."""
    for step in steps:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        step.target.symlink_to(step.source)


def copy(steps: Sequence[Step]) -> None:
    """Copies with their times, each whole or not at all."""
    for step in steps:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        _copy(step.source, step.target)


def move(steps: Sequence[Step]) -> None:
    """Moves the pictures, also to another device, and no original goes before its copy is whole and on the disk.

    A picture that is a link becomes a link to the same file, or to the new place of a picture that moves too.
    """
    goes = {_real(step.source): _real(step.target) for step in steps}
    for step in steps:
        _move(step, _pointing(step, goes) if step.source.is_symlink() else None)


def _move(step: Step, link: str | None) -> None:
    """Moves a file; a link says something else in its new place."""
    step.target.parent.mkdir(parents=True, exist_ok=True)
    if link and step.source.is_symlink():
        step.target.symlink_to(link)
        step.source.unlink()
        return
    try:
        os.rename(step.source, step.target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(step.source, step.target)
        _flush(step.target)
        step.source.unlink()


def _copy(source: Path, target: Path) -> None:
    # A name of its own: nobody's file is in the way, and a long name of a picture leaves no room for a suffix.
    handle, aside = tempfile.mkstemp(prefix=".", dir=target.parent)
    try:
        os.close(handle)
        shutil.copy2(source, aside)
        os.replace(aside, target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    """Waits until a new file and its name are on the disk."""
    for place in (path, path.parent) if os.name == "posix" else (path,):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _real(path: Path) -> Path:
    """A path without links in its folders; the file itself may be one."""
    return Path(os.path.realpath(path.parent), path.name)


def _link(path: Path) -> str:
    """What a link says; nothing where it is none."""
    return os.readlink(path) if path.is_symlink() else ""


def _pointing(step: Step, goes: Mapping[Path, Path]) -> str:
    """What a link says in its new place. A link to a picture that moves too stays right if both move on together."""
    there = _real(step.source.parent / step.source.readlink())
    return os.path.relpath(goes[there], os.path.realpath(step.target.parent)) if there in goes else str(there)


WAYS: dict[str, tuple[Callable[[Sequence[Step]], None], str]] = {
    "symlink": (link, "linked"),
    "copy": (copy, "copied"),
    "move": (move, "moved"),
}
"""How pictures get into their folders, and the word for it."""


def plan(collection: Collection, folder: Path, way: str) -> list[Step]:
    """Where each picture would go: `folder`/cluster-<number>/<its path in the collection>. Nothing is changed.

    Raises:
        PipelineError: if the assignments are missing, there are no pictures but embeddings alone, a picture is gone,
            or something is in the way.
    """
    undo = folder / UNDO
    if way == "move" and undo.exists():
        raise PipelineError(
            f"{undo}: pictures were moved here before; undo that first (pipeline export --undo {undo}), or give "
            "another folder"
        )
    path = collection.assignments.with_suffix(".csv")
    rows = read_table(path, PREDICTED_COLUMNS, "pipeline cluster")
    with numbers_of(path, "pipeline cluster"):
        clusters = {row["path"]: whole(row["cluster"]) for row in rows}
    width = len(str(max(clusters.values(), default=0)))
    steps, roots = [], set()
    for record in read_list(collection.images):
        if record.id not in clusters:
            raise PipelineError(f"{path}: the picture '{record.id}' is not in it; run 'pipeline cluster' again")
        if not record.path:
            raise PipelineError(
                f"{collection.folder}: expected clustered pictures, found embeddings, of which there is nothing to "
                "sort into folders; export them to a .csv or .parquet file"
            )
        roots.add(_root(record.path, record.id, collection.images / LIST_NAME))
        name = f"cluster-{clusters[record.id]:0{width}d}"
        steps.append(Step(Path(record.path), Path(os.path.abspath(folder)) / name / record.id))
    _check_one(roots, collection.images / LIST_NAME)
    gone = [step.source for step in steps if not os.path.isfile(step.source)]
    taken = [step.target for step in steps if os.path.lexists(step.target)]
    moved = f"is gone; if it was exported with --how move, bring it back with pipeline export --undo FOLDER/{UNDO}"
    for found, what in ((gone, moved), (taken, "is there already, and nothing is overwritten")):
        if found:
            more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
            raise PipelineError(f"{found[0]}{more}: {what}; nothing was changed")
    return steps


def _root(path: str, name: str, where: Path) -> Path:
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


def _check_one(roots: Set[Path], where: Path) -> None:
    """Refuses pictures of several folders: all of a collection start at one.

    Raises:
        PipelineError: if there are several.
    """
    if len(roots) > 1:
        some = " and ".join(sorted(map(str, roots))[:2])
        raise PipelineError(f"{where}: expected pictures below one folder, found them in {some}; nothing was changed")


def export(steps: Sequence[Step], folder: Path, way: str) -> str:
    """Carries a plan out. Before a picture is moved, `undo.csv` in `folder` says where each one was.

    Folders of links and copies get a mark, or the pictures in them would count twice when the folder that they lie in
    is clustered again.

    Args:
        steps: see `plan`.
        folder: the folder that the steps lead to.
        way: one of `WAYS`.

    Returns:
        one line for people.
    """
    act, word = WAYS[way]
    undo, top = folder / UNDO, Path(os.path.abspath(folder))
    names = sorted({step.target.relative_to(top).parts[0] for step in steps})
    if way == "move":
        rows = ((step.target.relative_to(top), step.source, _link(step.source)) for step in steps)
        write_table(undo, UNDO_COLUMNS, rows)
    else:
        for name in names:
            write_text(
                folder / name / EXPORTED, "Filled by 'pipeline export': the pictures in here are also elsewhere.\n"
            )
    act(steps)
    back = f"; to move them back: pipeline export --undo {undo}" if way == "move" else ""
    return f"{len(steps):,} pictures {word} into {len(names)} folders of {folder}{back}"


def undo(path: Path) -> str:
    """Moves pictures back to where they were, also after a move that was cut short; the undo file goes at the end.

    Raises:
        PipelineError: if the file is missing or damaged, leads elsewhere than from its folder to that of the pictures,
            a picture is neither here nor there, or something else is in its old place. Nothing is changed then.
    """
    top = path.parent.absolute()
    rows = read_table(path, UNDO_COLUMNS[:2], "pipeline export --how move")
    # Each went from ROOT/NAME to cluster-NUMBER/NAME, and goes no other way back.
    roots = set()
    for row in rows:
        now = top / row["now"]
        if not now.is_relative_to(top) or ".." in Path(row["now"]).parts:
            raise PipelineError(
                f"{path}: expected pictures in its own folder, found {quoted(row['now'])}; nothing was changed"
            )
        roots.add(_root(row["before"], os.path.join("", *now.relative_to(top).parts[1:]), path))
    _check_one(roots, path)
    links = {Step(top / row["now"], Path(row["before"])): row.get("link") for row in rows}
    for step, link in links.items():
        here, back = os.path.lexists(step.source), os.path.lexists(step.target)
        if not here and not back:
            raise PipelineError(
                f"{step.source}: expected the picture that was moved here, found it neither here nor in its old place "
                f"{step.target}; bring it back, or take its line out of {path}; nothing was changed"
            )
        # A move that was cut short may have left a picture in both places.
        if here and back and not _same(step, link):
            raise PipelineError(f"{step.target}: is there already, and nothing is overwritten; nothing was changed")
    moved = [step for step in links if os.path.lexists(step.source)]
    for step in moved:
        if os.path.lexists(step.target):
            step.source.unlink()
        else:
            _move(step, links[step])
    for step in moved:
        # Emptied folders go, as far as they are ours.
        for parent in step.source.parents:
            if top not in parent.parents or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
    path.unlink()
    return f"{len(moved):,} pictures moved back"


def _same(step: Step, link: str | None) -> bool:
    """Whether what is in a picture's old place is that picture, so that the one in the new place may go."""
    if step.source.is_symlink() or step.target.is_symlink():
        return step.source.is_symlink() and _link(step.target) == link
    # By way of a linked folder both places may be one.
    return not step.source.samefile(step.target) and filecmp.cmp(step.source, step.target, shallow=False)
