"""What a person tells the command line -> actions of edits.json, checked against the result and put into effect."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from glob import has_magic
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError, unknown
from pipeline.base.files import write_bytes
from pipeline.base.text import printable, quoted
from pipeline.collection.edited import after, read_before
from pipeline.collection.edits import Action, Edits, check_result, checked_action, read_edits, write_edits
from pipeline.collection.effects import Applied, applied_to
from pipeline.collection.fill_cache import Say
from pipeline.collection.matching import Pictures
from pipeline.collection.numbers import Numbers, no_numbers
from pipeline.collection.remade import features_of, remake
from pipeline.collection.result import SPLIT, Collection
from pipeline.collection.splits import named, parts_of_cluster
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.images.sources import absolute

NEW = "new"
"""In the place of a cluster: one with the next number that was never used."""
KEPT = "edits.before.json"
"""What was in the place of a file that came from elsewhere."""


@dataclass(frozen=True)
class Desk:
    """A result with the corrections that it has, ready for more."""

    collection: Collection
    numbers: Numbers
    pictures: Pictures
    actions: tuple[Action, ...]
    applied: Applied

    def cluster(self, text: str) -> int:
        """The cluster that a person names, by its number or its name.

        Raises:
            PipelineError: if there is none, or two have the name.
        """
        there = sorted({cluster for cluster in self.applied.clusters if cluster is not None})
        if text.isascii() and text.isdecimal() and int(text) in there:
            return int(text)
        called = {number: self.numbers.called(number) for number in there}
        found = [number for number, name in called.items() if name == text.strip()]
        found = found or [number for number, name in called.items() if name.casefold() == text.strip().casefold()]
        if len(found) > 1:
            raise PipelineError(f"{quoted(text)}: the clusters {found} are called so; give a number")
        if not found:
            raise unknown("cluster", text, [str(number) for number in there] + list(self.applied.names.values()))
        return found[0]

    def find(self, texts: Sequence[str]) -> list[int]:
        """The rows of the pictures that a person names: as the tables have them, by their files, or by a pattern.

        Raises:
            PipelineError: if one is not there.
        """
        rows = {path: row for row, path in enumerate(self.pictures.texts)}
        roots = [root for root in (self.collection.root_beside(),) if root is not None]
        found: dict[int, None] = {}
        for text in texts:
            names = [text] if printable(text) in rows else fnmatch.filter(rows, text) if has_magic(text) else []
            for root in roots:
                if not names and absolute(text).is_relative_to(root):
                    names = [absolute(text).relative_to(root).as_posix()]
            here = [rows[printable(name)] for name in names if printable(name) in rows]
            if not here:
                raise PipelineError(
                    f"{text}: expected a picture of {self.collection.folder}, by its path in assignments.csv, or a "
                    "pattern of such; found none"
                )
            found.update(dict.fromkeys(here))
        return list(found)

    def named(self, rows: Sequence[int]) -> list[dict[str, str]]:
        """Pictures as a file of edits names them."""
        return [named(self.pictures, row) for row in rows]


def open_desk(collection: Collection) -> Desk:
    """Reads a result and its corrections.

    Raises:
        PipelineError: if it is no result, or a file of it is damaged or of another result.
    """
    if not collection.about.is_file():
        raise PipelineError(f"{collection.folder}: expected a result of 'pipeline cluster', found none")
    before = read_before(collection)
    if before.numbers is None or before.pictures is None:
        raise no_numbers(collection.folder)
    if before.edits is not None:
        check_result(before.edits, before.numbers.result, collection.edits, "move it away first")
    actions = before.edits.actions if before.edits else ()
    applied = applied_to(before.pictures, actions)
    numbers = replace(before.numbers, next=after(before.numbers, actions), names=applied.names)
    return Desk(collection, numbers, before.pictures, actions, applied)


def naming(desk: Desk, cluster: str, name: str) -> Action:
    """Names a cluster."""
    return {"do": "name", "cluster": desk.cluster(cluster), "name": name.strip()}


def moving(desk: Desk, pictures: Sequence[str], to: str) -> Action:
    """Moves pictures to a cluster, or to a new one."""
    number = desk.numbers.next if to == NEW else desk.cluster(to)
    return {"do": "move", "pictures": desk.named(desk.find(pictures)), "to": number}


def merging(desk: Desk, clusters: Sequence[str], into: str | None) -> Action:
    """Merges clusters into one of them, the first where none is named."""
    numbers = [desk.cluster(each) for each in clusters]
    return {"do": "merge", "clusters": numbers, "into": numbers[0] if into is None else desk.cluster(into)}


def splitting(desk: Desk, cluster: str, pictures: Sequence[str], parts: int) -> Action:
    """Splits pictures off a cluster, or, where none are named, the cluster by k-means; the largest part is the rest."""
    own, first = desk.cluster(cluster), desk.numbers.next
    inside = [row for row, number in enumerate(desk.applied.clusters) if number == own]
    if pictures:
        rows = desk.find(pictures)
        if others := [row for row in rows if row not in set(inside)]:
            raise PipelineError(f"{desk.pictures.paths[others[0]]}: expected a picture of {desk.numbers.called(own)}")
        return {"do": "split", "cluster": own, "parts": [{"cluster": first, "pictures": desk.named(rows)}]}
    if len(inside) < parts:
        raise PipelineError(
            f"{desk.numbers.called(own)}: expected at least {parts} pictures to split, found {len(inside)}"
        )
    cache = open_features(features_of(desk.collection)).read(SPLIT)
    if list(cache.ids) != list(desk.pictures.paths):
        raise PipelineError(f"{desk.collection.folder}: cache and result differ; run 'pipeline cluster' on it again")
    rest, *others_found = parts_of_cluster(unit_length(cache.clean[inside]), parts)
    split = [(first + number, part) for number, part in enumerate(others_found)] + [(own, rest)]
    made = [{"cluster": number, "pictures": desk.named(np.array(inside)[part].tolist())} for number, part in split]
    return {"do": "split", "cluster": own, "parts": made}


def about_pictures(desk: Desk, do: str, pictures: Sequence[str]) -> Action:
    """Sets pictures aside, restores them, or says that they belong together or apart."""
    return {"do": do, "pictures": desk.named(desk.find(pictures))}


def excluding(desk: Desk, pictures: Sequence[str], clusters: Sequence[str]) -> Action:
    """Says that pictures are in none of these clusters."""
    return {**about_pictures(desk, "not", pictures), "clusters": [desk.cluster(each) for each in clusters]}


def put(desk: Desk, added: Sequence[Action], say: Say) -> None:
    """Appends actions and makes the tables and the page anew; the result is held.

    Raises:
        PipelineError: if one of them has no effect; nothing is changed then.
    """
    for action in added:
        checked_action(action)
    actions = (*desk.actions, *added)
    for number in applied_to(desk.pictures, actions).left:
        if number >= len(desk.actions):
            raise PipelineError(f"{actions[number]['do']}: changes nothing here; nothing was changed")
    replace_actions(desk, actions, say)


def replace_actions(desk: Desk, actions: Sequence[Action], say: Say) -> None:
    """Writes edits.json with these actions and makes the tables and the page anew."""
    write_edits(desk.collection.edits, Edits(desk.numbers.result, tuple(actions)))
    remake(desk.collection, say)


def undo_last(desk: Desk, say: Say) -> Action:
    """Takes the last action off the list.

    Raises:
        PipelineError: if there is none.
    """
    if not desk.actions:
        raise PipelineError(f"{desk.collection.edits}: there is nothing to undo")
    replace_actions(desk, desk.actions[:-1], say)
    return desk.actions[-1]


def bring(desk: Desk, path: Path, say: Say) -> None:
    """Puts a file of edits that was downloaded from the page into its place; the result is held.

    Raises:
        PipelineError: if it is damaged or of another result; nothing is changed then.
    """
    edits = read_edits(path)
    check_result(edits, desk.numbers.result, path, "give it to that one")
    if edits.actions[: len(desk.actions)] != desk.actions:
        kept = desk.collection.folder / KEPT
        write_bytes(kept, desk.collection.edits.read_bytes())
        say(f"{path} has not all that was in {desk.collection.edits}, which is kept as {kept}")
    replace_actions(desk, edits.actions, say)


def told(desk: Desk) -> list[tuple[int, str, str, str]]:
    """The actions for people: number, what is done, to what, and whether it has an effect."""
    left = set(desk.applied.left)
    return [
        (number + 1, action["do"], _what(action), "no" if number in left else "yes")
        for number, action in enumerate(desk.actions)
    ]


def _what(action: Action) -> str:
    """The clusters, the name and the first pictures of an action."""
    pictures = action.get("pictures", [])
    more = f" and {len(pictures) - 1:,} more" if len(pictures) > 1 else ""
    words = [f"{pictures[0]['path']}{more}" if pictures else ""]
    if "parts" in action:
        words.append(", ".join(f"{len(part['pictures']):,} in {part['cluster']}" for part in action["parts"]))
    clusters = [action["cluster"]] if "cluster" in action else action.get("clusters", [])
    words.append(" ".join(map(str, clusters)))
    words += [f"{key} {action[key]}" for key in ("to", "into") if key in action]
    words.append(action.get("name", ""))
    return "; ".join(filter(None, words))
