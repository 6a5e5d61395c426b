"""export: a clustered collection -> its pictures in a folder a cluster, as links, copies or moved."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.collection.folders import folder_names, unique_names
from pipeline.collection.numbers import read_numbers
from pipeline.collection.places import find_root, gone_error
from pipeline.collection.result import Collection
from pipeline.collection.sync import (
    MANIFEST,
    Manifest,
    Plan,
    carry_out_sync,
    plan_sync,
    put_by,
    read_manifest,
    remove_emptied,
    write_manifest,
)
from pipeline.collection.tables import read_aside, read_shown
from pipeline.collection.transfer import WAYS, Step, carry_out, said_by
from pipeline.collection.undo import UNDO, UNDO_COLUMNS, begun, same, undo_command
from pipeline.images.listing import ImageRecord, read_list
from pipeline.images.sources import EXPORTED


@dataclass(frozen=True)
class Sorted:
    """What an export is to bring where."""

    steps: list[Step]
    """Those of the same export that was cut short are among them, made or not."""
    pictures: list[ImageRecord]
    """The picture of each step."""
    sync: Plan = field(default_factory=Plan)
    """What goes first, of what exports have put there before."""
    manifest: Manifest = field(default_factory=dict)
    """What exports have put there before."""


def plan(
    collection: Collection,
    folder: Path,
    way: str,
    pictures: Path | None = None,
    flat: bool = False,
    sync: bool = False,
) -> Sorted:
    """Where each picture would go: to the folder of its cluster, and there to its path in the collection.

    A folder is called as its cluster, or by its number where people gave no name; see `folder_names`. Pictures that are
    set aside go nowhere. Nothing is changed.

    Args:
        collection: a clustered one.
        folder: the folder to fill.
        way: one of `WAYS`.
        pictures: the folder where the pictures are now; None: see `find_root`.
        flat: leave the folders of the collection out: all pictures of a cluster lie side by side.
        sync: move and remove what an earlier export has put there, as far as nobody changed it since.

    Raises:
        PipelineError: if the assignments are missing, there are no pictures but embeddings alone, a picture is gone,
            or something is in the way.
    """
    path = collection.assignments.with_suffix(".csv")
    shown, aside, numbers = read_shown(collection), read_aside(collection), read_numbers(collection.clusters)
    clusters = dict(zip(shown.ids, shown.clusters.tolist(), strict=True))
    records = read_list(collection.images)
    for record in records:
        if record.id not in clusters and record.id not in aside:
            raise PipelineError(f"{path}: the picture '{record.id}' is not in it; run 'pipeline cluster' again")
        if not record.path:
            raise PipelineError(
                f"{collection.folder}: expected clustered pictures, found embeddings, of which there is nothing to "
                "sort into folders; export them to a .csv or .parquet file"
            )
    root, top = find_root(collection, records, pictures), Path(os.path.abspath(folder))
    records = [record for record in records if record.id in clusters]
    called = folder_names(set(clusters.values()), numbers.names if numbers else {}, (UNDO, MANIFEST))
    manifest = read_manifest(folder)
    names = _flat(records, clusters, called, manifest, top) if flat else [record.id for record in records]
    pairs = zip(records, names, strict=True)
    steps = [Step(root / each.id, top / called[clusters[each.id]] / name) for each, name in pairs]
    made = begun(folder, lambda found: set(found) == set(steps)) if way == "move" else {}
    absent = [s.source for s in steps if not os.path.isfile(s.source) and not (s in made and os.path.lexists(s.target))]
    if absent:
        raise gone_error(absent)
    before = plan_sync(manifest, _wanted(steps, records, way)) if sync else Plan()
    going = {*before.remove, *(step.source for step in before.moves)}
    ready = {step.target for step in before.moves}
    taken = [
        step.target
        for step in steps
        if os.path.lexists(step.target) and step.target not in (going | ready) and not _is_ours(step, way, made)
    ]
    if taken:
        more = f" (and {len(taken) - 1:,} more)" if len(taken) > 1 else ""
        hint = "" if sync or not manifest else " (--sync replaces what an export put there)"
        raise PipelineError(
            f"{taken[0]}{more}: is there already, and nothing is overwritten{hint}; nothing was changed"
        )
    return Sorted(steps, records, before, manifest)


def _flat(
    records: Sequence[ImageRecord],
    clusters: Mapping[str, int],
    called: Mapping[int, str],
    manifest: Manifest,
    top: Path,
) -> list[str]:
    """The name of each picture in the folder of its cluster: the one that it has there already, if it has one."""
    known = {(place.parent, put.picture): place.name for place, put in manifest.items()}
    names: dict[str, str] = {}
    members: dict[int, list[ImageRecord]] = defaultdict(list)
    for record in records:
        members[clusters[record.id]].append(record)
    for cluster, inside in members.items():
        kept = {each.id: name for each in inside if (name := known.get((top / called[cluster], each.id)))}
        new = [each.id for each in inside if each.id not in kept]
        names |= kept | dict(zip(new, unique_names([Path(each).name for each in new], kept.values()), strict=True))
    return [names[record.id] for record in records]


def _wanted(steps: Sequence[Step], records: Sequence[ImageRecord], way: str) -> Manifest:
    """What is to be in a folder, by its places."""
    pairs = zip(steps, records, strict=True)
    return {step.target: put_by(step, record.id, record.digest, way) for step, record in pairs}


def _is_ours(step: Step, way: str, made: Mapping[Step, str]) -> bool:
    """Whether what is in a picture's new place was brought there by the same export."""
    if WAYS[way].done(step):
        return way != "move" or step in made
    return step in made and same(Step(step.target, step.source), made[step])


def export(sorted_: Sorted, folder: Path, way: str) -> str:
    """Carries a plan out, or what is left of it. Before a picture is moved, `undo.csv` says where each one was.

    Folders of links and copies get a mark, or the pictures in them would count twice when the folder that they lie in
    is clustered again. A list of them lies in the folder, so that a later export knows what is its own.

    Args:
        sorted_: see `plan`.
        folder: the folder that the steps lead to.
        way: one of `WAYS`.

    Returns:
        one line for people.
    """
    steps, before = sorted_.steps, sorted_.sync
    undo, top = folder / UNDO, Path(os.path.abspath(folder))
    names = sorted({step.target.relative_to(top).parts[0] for step in steps})
    wanted = _wanted(steps, sorted_.pictures, way)
    if way != "move":
        write_manifest(folder, {**sorted_.manifest, **wanted})  # Before anything is: a run may be killed.
        for name in names:
            write_text(
                folder / name / EXPORTED, "Filled by 'pipeline export': the pictures in here are also elsewhere.\n"
            )
    elif not undo.exists():
        pairs = zip(steps, sorted_.pictures, strict=True)
        rows = ((step.target.relative_to(top), step.source, said_by(step.source), each.id) for step, each in pairs)
        write_table(undo, UNDO_COLUMNS, rows)
    carry_out_sync(before)
    count = carry_out(steps, WAYS[way])
    if way != "move":
        gone = {*before.remove, *(step.source for step in before.moves)}
        kept = {place: put for place, put in sorted_.manifest.items() if place not in gone and os.path.lexists(place)}
        write_manifest(folder, {**kept, **wanted})
        remove_emptied(gone, folder)
    there = len(steps) - count - len(before.moves)
    told = [f"{there:,} were there already" if there else ""]
    told += [f"{len(before.moves):,} moved within" if before.moves else ""]
    told += [f"{len(before.remove):,} removed" if before.remove else ""]
    told += [f"{len(before.left):,} left that were changed since" if before.left else ""]
    back = f"; to move them back: {undo_command(folder)}" if way == "move" else ""
    line = f"{count:,} pictures {WAYS[way].word} into {len(names)} folders of {folder}"
    return ", ".join(filter(None, (line, *told))) + back
