"""export: a clustered collection -> its pictures in a folder a cluster, as links, copies or moved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.collection.result import Collection
from pipeline.collection.transfer import WAYS, Step, said_by
from pipeline.collection.undo import UNDO, UNDO_COLUMNS, check_one, root_of
from pipeline.heads.predictions import PREDICTED_COLUMNS, numbers_of, whole
from pipeline.images.listing import LIST_NAME, read_list
from pipeline.images.sources import EXPORTED


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
        roots.add(root_of(record.path, record.id, collection.images / LIST_NAME))
        name = f"cluster-{clusters[record.id]:0{width}d}"
        steps.append(Step(Path(record.path), Path(os.path.abspath(folder)) / name / record.id))
    check_one(roots, collection.images / LIST_NAME)
    gone = [step.source for step in steps if not os.path.isfile(step.source)]
    taken = [step.target for step in steps if os.path.lexists(step.target)]
    moved = f"is gone; if it was exported with --how move, bring it back with pipeline export --undo FOLDER/{UNDO}"
    for found, what in ((gone, moved), (taken, "is there already, and nothing is overwritten")):
        if found:
            more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
            raise PipelineError(f"{found[0]}{more}: {what}; nothing was changed")
    return steps


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
        rows = ((step.target.relative_to(top), step.source, said_by(step.source)) for step in steps)
        write_table(undo, UNDO_COLUMNS, rows)
    else:
        for name in names:
            write_text(
                folder / name / EXPORTED, "Filled by 'pipeline export': the pictures in here are also elsewhere.\n"
            )
    act(steps)
    back = f"; to move them back: pipeline export --undo {undo}" if way == "move" else ""
    return f"{len(steps):,} pictures {word} into {len(names)} folders of {folder}{back}"
