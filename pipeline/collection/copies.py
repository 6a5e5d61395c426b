"""The near-duplicates of a clustered collection: which of each group is the best, and the others out of the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.base.text import printable
from pipeline.collection.export import Sorted, export
from pipeline.collection.layout import read_layout
from pipeline.collection.places import find_root, gone, gone_error
from pipeline.collection.result import Collection
from pipeline.collection.transfer import WAYS, Step, carry_out
from pipeline.collection.undo import begun, undo_command
from pipeline.images.facts import Facts, changed, facts_of
from pipeline.images.listing import ImageRecord, digest_of_file, read_list
from pipeline.images.sources import EXPORTED, absolute

COLUMNS = ("group", "best", "path", "width", "height", "bytes", "date", "format", "folder")


@dataclass(frozen=True)
class Copy:
    """A picture of a group."""

    record: ImageRecord
    file: Path
    facts: Facts
    date: str
    """When it was taken, or else when its file was changed."""


def best_first(copies: Sequence[Copy]) -> list[Copy]:
    """Pictures from the best to the worst: of equals in one, the next decides.

    A file before a link, or the file would move and leave the link without it; the most pixels; the most bytes; a
    lossless format; the oldest date; the path.
    """
    return sorted(
        copies,
        key=lambda each: (
            each.file.is_symlink(),
            -each.facts.width * each.facts.height,
            -each.facts.size,
            not each.facts.lossless,
            each.date,
            os.fsencode(each.record.id),
        ),
    )


def groups_of(records: Sequence[ImageRecord], numbers: np.ndarray, root: Path) -> list[list[Copy]]:
    """The groups of near-duplicates that are still there, each from the best to the worst.

    Args:
        records: of a collection's pictures.
        numbers: int (n,), see `Layout.copies`.
        root: the folder that the records' ids start at.
    """
    found: dict[int, list[Copy]] = {}
    for record, number in zip(records, numbers.tolist(), strict=True):
        file = root / record.id
        if number >= 0 and os.path.isfile(file):
            facts = facts_of(file)
            found.setdefault(number, []).append(Copy(record, file, facts, facts.taken or changed(file)))
    return [best_first(found[number]) for number in sorted(found) if len(found[number]) > 1]


@dataclass(frozen=True)
class Duplicates:
    """What `pipeline duplicates` knows of a collection."""

    collection: Collection
    records: list[ImageRecord]
    root: Path
    groups: list[list[Copy]]
    gone: int
    """Near-duplicates that are not there any more."""

    def line(self) -> str:
        """The summary for people."""
        several = sum(map(len, self.groups))
        size = sum(each.facts.size for group in self.groups for each in group[1:])
        left_out = f"; {self.gone:,} that are gone left out" if self.gone else ""
        return (
            f"{several:,} of {len(self.records):,} pictures in {len(self.groups):,} groups are nearly the same; all "
            f"but the best of each take {size / 1e6:,.1f} MB{left_out}"
        )

    def rows(self) -> list[tuple[object, ...]]:
        """A row for each picture, in the columns `COLUMNS`."""
        return [
            (
                number,
                "best" if each is group[0] else "",
                each.record.id,
                each.facts.width,
                each.facts.height,
                each.facts.size,
                each.date,
                each.facts.format,
                str(each.file.parent),
            )
            for number, group in enumerate(self.groups, 1)
            for each in group
        ]


def find_duplicates(collection: Collection, pictures: Path | None = None) -> Duplicates:
    """The near-duplicates of a collection.

    Args:
        collection: a clustered one.
        pictures: the folder where the pictures are now; None: see `find_root`.

    Raises:
        PipelineError: if a part of the collection is missing or damaged, it has no pictures, or all are gone.
    """
    records, layout = read_list(collection.images), read_layout(collection.layout)
    if len(layout.copies) != len(records):
        raise PipelineError(
            f"{collection.layout}: expected {len(records):,} pictures, found {len(layout.copies):,}; run 'pipeline "
            "cluster' on the pictures again"
        )
    if not all(record.path for record in records):
        raise PipelineError(
            f"{collection.folder}: expected clustered pictures, found embeddings, which have no files to compare"
        )
    root = find_root(collection, records, pictures)
    copies = [record for record, number in zip(records, layout.copies.tolist(), strict=True) if number >= 0]
    absent = gone(root, copies)
    if copies and len(absent) == len(copies):
        raise gone_error(absent)
    return Duplicates(collection, records, root, groups_of(records, layout.copies, root), len(absent))


def move_copies(found: Duplicates, folder: Path) -> str:
    """Moves all but the best of each group to `folder`/duplicates-<group>/<path in the collection>, with `undo.csv`.

    A move that was cut short goes on. The folder is marked, so that a later `cluster` does not collect them.

    Returns:
        one line for people.

    Raises:
        PipelineError: if there are none, a picture has changed since it was clustered, or something is in the way.
    """
    left = list(begun(folder, lambda steps: _is_ours(found, folder, list(steps))))
    if left:
        count = carry_out(left, WAYS["move"])
        return f"{count:,} pictures moved, the rest of {len(left):,}; to move them back: {undo_command(folder)}"
    if not found.groups:
        raise PipelineError(f"{found.collection.folder}: no near-duplicates are left to move; nothing was changed")
    changed = [c.file for group in found.groups for c in group if c.record.digest != digest_of_file(c.file)]
    if changed:
        raise PipelineError(
            f"{printable(str(changed[0]))}: has changed since it was clustered; run 'pipeline cluster' again; nothing "
            "was changed"
        )
    top, width = Path(os.path.abspath(folder)), len(str(len(found.groups)))
    moving = [(number, each) for number, group in enumerate(found.groups, 1) for each in group[1:]]
    steps = [Step(each.file, top / f"duplicates-{number:0{width}d}" / each.record.id) for number, each in moving]
    taken = [step.target for step in steps if os.path.lexists(step.target)]
    if taken:
        raise PipelineError(f"{taken[0]}: is there already, and nothing is overwritten; nothing was changed")
    for name in sorted({step.target.relative_to(top).parts[0] for step in steps}):
        write_text(top / name / EXPORTED, "Filled by 'pipeline duplicates': nearly the same pictures are elsewhere.\n")
    return export(Sorted(steps, [each.record for _, each in moving]), folder, "move")


def _is_ours(found: Duplicates, folder: Path, steps: Sequence[Step]) -> bool:
    """Whether steps are those of a move of these near-duplicates into a folder, and one is left to make."""
    top = Path(os.path.abspath(folder))
    ours = {absolute(found.root / record.id): record.id for record in found.records}
    known = all(
        step.source in ours
        and ".." not in step.target.parts
        and step.target.is_relative_to(top)
        and step.target.relative_to(top).parts[1:] == Path(ours[step.source]).parts
        for step in steps
    )
    return known and not all(map(WAYS["move"].done, steps))
