"""Into a folder that was filled before: what an export put there itself is moved and removed, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.text import quoted
from pipeline.collection.transfer import Step, said_by
from pipeline.images.listing import digest_of_file
from pipeline.images.sources import EXPORTED

MANIFEST = f"{EXPORTED}.csv"
COLUMNS = ("now", "id", "said")
"""Where a picture is, from the folder of this file on; its path in the collection; and what its link says, or the
digest of its copy."""


@dataclass(frozen=True)
class Put:
    """A link or a copy that an export made."""

    picture: str
    """Its path in the collection."""
    said: str
    """What the link says, or the digest of the copy."""


Manifest = dict[Path, Put]
"""By their places, absolute."""


def read_manifest(folder: Path) -> Manifest:
    """What exports have put into a folder; nothing where no list of it is there.

    Raises:
        PipelineError: if the list is damaged, or leads out of its folder.
    """
    path, top = folder / MANIFEST, Path(os.path.abspath(folder))
    if not path.exists():
        return {}
    found: Manifest = {}
    for row in read_table(path, COLUMNS, "pipeline export"):
        parts = Path(row["now"]).parts
        if Path(row["now"]).is_absolute() or ".." in parts or not parts:
            raise PipelineError(
                f"{path}: expected places in its own folder, found {quoted(row['now'])}; remove the file"
            )
        found[top / row["now"]] = Put(row["id"], row["said"])
    return found


def write_manifest(folder: Path, manifest: Mapping[Path, Put]) -> None:
    """Writes the list."""
    top = Path(os.path.abspath(folder))
    rows = ((place.relative_to(top), put.picture, put.said) for place, put in manifest.items())
    write_table(folder / MANIFEST, COLUMNS, rows)


def put_by(step: Step, picture: str, digest: str, way: str) -> Put:
    """What a step leaves."""
    return Put(picture, str(step.source) if way == "symlink" else digest)


def is_ours(place: Path, put: Put) -> bool:
    """Whether what is in a place is still what an export put there, so that it may go."""
    if place.is_symlink():
        return said_by(place) == put.said
    return place.is_file() and bool(put.said) and digest_of_file(place) == put.said


@dataclass(frozen=True)
class Plan:
    """How a folder comes to hold what it should."""

    remove: list[Path] = field(default_factory=list)
    """What an export put there, and has no place there any more."""
    moves: list[Step] = field(default_factory=list)
    """Copies that only change their place."""
    left: list[Path] = field(default_factory=list)
    """What an export put there and somebody has changed since: it stays."""


def plan_sync(manifest: Manifest, wanted: Mapping[Path, Put]) -> Plan:
    """Compares what exports have put into a folder with what is to be there."""
    old = {place: put for place, put in manifest.items() if wanted.get(place) != put and os.path.lexists(place)}
    ours = {place: put for place, put in old.items() if is_ours(place, put)}
    by_content = {(put.picture, put.said): place for place, put in ours.items() if not place.is_symlink()}
    moves = []
    for place, put in wanted.items():
        source = by_content.get((put.picture, put.said))
        if source is not None and (not os.path.lexists(place) or place in ours):
            moves.append(Step(source, place))
            del by_content[put.picture, put.said]
    moving = {step.source for step in moves}
    return Plan([place for place in ours if place not in moving], moves, [place for place in old if place not in ours])


def carry_out_sync(plan: Plan) -> None:
    """Removes and moves. A copy that moves goes by way of a name of its own: two may change places."""
    for place in plan.remove:
        place.unlink()
    aside = [(step, step.source.with_name(f".{number}{EXPORTED}")) for number, step in enumerate(plan.moves)]
    for step, between in aside:
        os.rename(step.source, between)
    for step, between in aside:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(between, step.target)


def remove_emptied(places: Iterable[Path], folder: Path) -> None:
    """Removes the folders that are left with nothing but the mark of an export."""
    top = Path(os.path.abspath(folder))
    for place in places:
        for parent in place.parents:
            if top not in parent.parents or not parent.is_dir():
                break
            mark = parent / EXPORTED
            if {each.name for each in parent.iterdir()} - {EXPORTED}:
                break
            mark.unlink(missing_ok=True)
            with suppress(OSError):
                parent.rmdir()
