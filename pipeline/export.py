"""export: a clustered collection -> its pictures in a folder a cluster, as links, copies or moved; and back again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.collection import Collection
from pipeline.errors import PipelineError
from pipeline.images import read_list
from pipeline.predictions import PREDICTED_COLUMNS
from pipeline.tables import read_table, write_table

UNDO, UNDO_COLUMNS = "undo.csv", ("now", "before")


def copy(source: Path, target: Path) -> None:
    """A copy with its times, whole or not at all."""
    aside = target.with_name(target.name + ".tmp")
    shutil.copy2(source, aside)
    os.replace(aside, target)


WAYS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "symlink": (lambda source, target: target.symlink_to(source), "linked"),
    "copy": (copy, "copied"),
    "move": (shutil.move, "moved"),
}
"""How a picture gets into its folder, and the word for it."""


@dataclass(frozen=True)
class Step:
    """A picture and its new place."""

    source: Path
    target: Path


def plan(collection: Collection, folder: Path) -> list[Step]:
    """Where each picture would go: `folder`/cluster-<number>/<its path in the collection>. Nothing is changed.

    Raises:
        PipelineError: if the assignments are missing, a picture is gone, or something is in the way.
    """
    path = collection.assignments.with_suffix(".csv")
    clusters = {row["path"]: int(row["cluster"]) for row in read_table(path, PREDICTED_COLUMNS, "pipeline cluster")}
    width = len(str(max(clusters.values(), default=0)))
    steps = []
    for record in read_list(collection.images):
        if record.id not in clusters:
            raise PipelineError(f"{path}: the picture '{record.id}' is not in it; run 'pipeline cluster' again")
        name = f"cluster-{clusters[record.id]:0{width}d}"
        steps.append(Step(Path(record.path), Path(os.path.abspath(folder)) / name / record.id))
    gone = [step.source for step in steps if not step.source.is_file()]
    taken = [step.target for step in steps if os.path.lexists(step.target)]
    for found, what in ((gone, "is gone"), (taken, "is there already, and nothing is overwritten")):
        if found:
            more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
            raise PipelineError(f"{found[0]}{more}: {what}; nothing was changed")
    return steps


def export(steps: list[Step], folder: Path, way: str) -> str:
    """Carries a plan out. Before a picture is moved, `undo.csv` in `folder` says where each one was.

    Args:
        steps: see `plan`.
        folder: the folder that the steps lead to.
        way: one of `WAYS`.

    Returns:
        one line for people.

    Raises:
        PipelineError: if `folder` holds an undo file that is still needed.
    """
    act, word = WAYS[way]
    undo = folder / UNDO
    if way == "move":
        if undo.exists():
            raise PipelineError(f"{undo}: pictures were moved here before; undo that first, or give another folder")
        write_table(undo, UNDO_COLUMNS, [(step.target, step.source) for step in steps])
    for step in steps:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        act(step.source, step.target)
    folders = len({step.target.relative_to(folder.absolute()).parts[0] for step in steps})
    back = f"; to move them back: pipeline export --undo {undo}" if way == "move" else ""
    return f"{len(steps):,} pictures {word} into {folders} folders of {folder}{back}"


def undo(path: Path) -> str:
    """Moves pictures back to where they were, also after a move that was cut short; the undo file goes at the end.

    Raises:
        PipelineError: if the file is missing or damaged, or something is in a picture's old place. Nothing is changed
            then.
    """
    rows = read_table(path, UNDO_COLUMNS, "pipeline export --how move")
    steps = [Step(Path(row["now"]), Path(row["before"])) for row in rows]
    moved = [step for step in steps if os.path.lexists(step.source)]
    for step in moved:
        if os.path.lexists(step.target):
            raise PipelineError(f"{step.target}: is there already, and nothing is overwritten; nothing was changed")
    for step in moved:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(step.source, step.target)
    for step in moved:
        # Emptied folders go, as far as they are ours.
        for parent in step.source.parents:
            if parent == path.parent.absolute() or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
    path.unlink()
    return f"{len(moved):,} pictures moved back"
