"""export: a clustered collection -> its pictures in a folder a cluster, as links, copies or moved."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.collection.places import find_root, gone_error
from pipeline.collection.result import Collection
from pipeline.collection.transfer import WAYS, Step, carry_out, said_by
from pipeline.collection.undo import UNDO, UNDO_COLUMNS, same
from pipeline.heads.predictions import PREDICTED_COLUMNS, numbers_of, whole
from pipeline.images.listing import read_list
from pipeline.images.sources import EXPORTED


def plan(collection: Collection, folder: Path, way: str, pictures: Path | None = None) -> list[Step]:
    """Where each picture would go: `folder`/cluster-<number>/<its path in the collection>. Nothing is changed.

    Steps of the same export that was cut short are among them, made or not.

    Args:
        collection: a clustered one.
        folder: the folder to fill.
        way: one of `WAYS`.
        pictures: the folder where the pictures are now; None: see `find_root`.

    Raises:
        PipelineError: if the assignments are missing, there are no pictures but embeddings alone, a picture is gone,
            or something is in the way.
    """
    path = collection.assignments.with_suffix(".csv")
    rows = read_table(path, PREDICTED_COLUMNS, "pipeline cluster")
    with numbers_of(path, "pipeline cluster"):
        clusters = {row["path"]: whole(row["cluster"]) for row in rows}
    width = len(str(max(clusters.values(), default=0)))
    records = read_list(collection.images)
    for record in records:
        if record.id not in clusters:
            raise PipelineError(f"{path}: the picture '{record.id}' is not in it; run 'pipeline cluster' again")
        if not record.path:
            raise PipelineError(
                f"{collection.folder}: expected clustered pictures, found embeddings, of which there is nothing to "
                "sort into folders; export them to a .csv or .parquet file"
            )
    root, top = find_root(collection, records, pictures), Path(os.path.abspath(folder))
    names = ((record.id, f"cluster-{clusters[record.id]:0{width}d}") for record in records)
    steps = [Step(root / name, top / cluster / name) for name, cluster in names]
    begun = _begun(steps, folder) if way == "move" else {}
    absent = [
        s.source for s in steps if not os.path.isfile(s.source) and not (s in begun and os.path.lexists(s.target))
    ]
    if absent:
        raise gone_error(absent)
    taken = [step.target for step in steps if os.path.lexists(step.target) and not _is_ours(step, way, begun)]
    if taken:
        more = f" (and {len(taken) - 1:,} more)" if len(taken) > 1 else ""
        raise PipelineError(f"{taken[0]}{more}: is there already, and nothing is overwritten; nothing was changed")
    return steps


def _begun(steps: Sequence[Step], folder: Path) -> dict[Step, str]:
    """The steps of a move that was begun before, and what each picture's link said; nothing where none was.

    Raises:
        PipelineError: if it was another move.
    """
    undo, top = folder / UNDO, Path(os.path.abspath(folder))
    if not undo.exists():
        return {}
    rows = read_table(undo, UNDO_COLUMNS[:2], "pipeline export --how move")
    begun = {Step(top / row["now"], Path(row["before"])): row.get("link", "") for row in rows}
    found = {Step(step.target, step.source): step for step in steps}
    if set(found) != set(begun):
        raise PipelineError(
            f"{undo}: other pictures were moved here before; undo that first (pipeline export --undo {undo}), or give "
            "another folder"
        )
    return {step: begun[back] for back, step in found.items()}


def _is_ours(step: Step, way: str, begun: Mapping[Step, str]) -> bool:
    """Whether what is in a picture's new place was brought there by the same export."""
    if WAYS[way].done(step):
        return way != "move" or step in begun
    return step in begun and same(Step(step.target, step.source), begun[step])


def export(steps: Sequence[Step], folder: Path, way: str) -> str:
    """Carries a plan out, or what is left of it. Before a picture is moved, `undo.csv` says where each one was.

    Folders of links and copies get a mark, or the pictures in them would count twice when the folder that they lie in
    is clustered again.

    Args:
        steps: see `plan`.
        folder: the folder that the steps lead to.
        way: one of `WAYS`.

    Returns:
        one line for people.
    """
    undo, top = folder / UNDO, Path(os.path.abspath(folder))
    names = sorted({step.target.relative_to(top).parts[0] for step in steps})
    if way != "move":
        for name in names:
            write_text(
                folder / name / EXPORTED, "Filled by 'pipeline export': the pictures in here are also elsewhere.\n"
            )
    elif not undo.exists():
        rows = ((step.target.relative_to(top), step.source, said_by(step.source)) for step in steps)
        write_table(undo, UNDO_COLUMNS, rows)
    count = carry_out(steps, WAYS[way])
    before = f", {len(steps) - count:,} were there already" if count < len(steps) else ""
    back = f"; to move them back: pipeline export --undo {undo}" if way == "move" else ""
    return f"{count:,} pictures {WAYS[way].word} into {len(names)} folders of {folder}{before}{back}"
