"""A clustering as its numbers and its edits.json leave it: what the tables, the page and the head then say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.base.files import sha256_of_file, write_text
from pipeline.collection.changes import Changes, changes
from pipeline.collection.edits import Action, Edits, numbers_in, read_edits, write_edits
from pipeline.collection.effects import Applied, applied_to
from pipeline.collection.fill_cache import Say
from pipeline.collection.matching import Pictures, common, matched, read_pictures, write_pictures
from pipeline.collection.numbers import Numbers, first_numbers, read_numbers, write_numbers
from pipeline.collection.result import Collection
from pipeline.collection.rules import Rules
from pipeline.collection.splits import complete
from pipeline.collection.taught import origin_of
from pipeline.config.names import HEAD
from pipeline.images.listing import ImageRecord


@dataclass(frozen=True)
class Before:
    """What the last run and people left in a result, read before anything is computed or changed."""

    numbers: Numbers | None = None
    pictures: Pictures | None = None
    head: str = ""
    """The SHA-256 of its head, as it was fitted."""
    edits: Edits | None = None


def read_before(collection: Collection) -> Before:
    """Reads what there is.

    Raises:
        PipelineError: if a file is damaged.
    """
    numbers, pictures = read_numbers(collection.clusters), read_pictures(collection.last)
    edits = read_edits(collection.edits) if collection.edits.exists() else None
    head = collection.head / HEAD
    origin = origin_of(collection)
    if numbers is None or pictures is None:  # An earlier version, or a run that did not come to its end.
        return Before(edits=edits)
    return Before(numbers, pictures, origin or (sha256_of_file(head) if head.is_file() else ""), edits)


@dataclass(frozen=True)
class Edited:
    """A clustering with its lasting numbers and all corrections."""

    pictures: Pictures
    """With the numbers that the head gives them."""
    numbers: Numbers
    """With the names that people gave."""
    edits: Edits
    """As the file should stand there: its splits list all pictures. Without actions where there is no file, or that of
    another result."""
    applied: Applied
    rules: Rules
    matched: tuple[int, int] | None
    """How many of the last run's clusters kept their numbers, and of how many; None: this is the first run."""
    changes: Changes

    def line(self) -> str:
        """What changed since the last run, for people; empty: nothing did."""
        told = self.changes.line()
        if not told or self.matched is None:
            return ""
        kept, of = self.matched
        return f"{told}; {kept:,} of {of:,} clusters kept their numbers"


@dataclass(frozen=True)
class Numbered:
    """The lasting numbers of a head's outputs, and what they were found by."""

    numbers: Numbers
    last: Pictures | None
    """What the last run left; None: this is another result, or the first run."""
    pairs: np.ndarray
    """int (n,), see `matching.common`."""


def numbered(before: Before, records: Sequence[ImageRecord], clusters: np.ndarray, head: str, outputs: int) -> Numbered:
    """Gives the outputs of the head that was fitted their lasting numbers.

    Args:
        before: see `read_before`.
        records: the pictures.
        clusters: int (n,), the head's output for each.
        head: its SHA-256.
        outputs: how many clusters it tells apart.
    """
    last = before.pictures
    now = _pictures(records, clusters)
    pairs = np.full(len(records), -1) if last is None else common(last, now)
    if before.numbers is None or last is None or (pairs < 0).all():  # All is new: it is another result.
        return Numbered(first_numbers(head[:12], outputs), None, pairs)
    if head == before.head and len(before.numbers.numbers) >= outputs:
        # Those that a taught head has beside them follow.
        return Numbered(replace(before.numbers, numbers=before.numbers.numbers[:outputs]), last, pairs)
    return Numbered(matched(before.numbers, last.clusters, clusters, pairs, outputs), last, pairs)


def _pictures(records: Sequence[ImageRecord], clusters: np.ndarray) -> Pictures:
    return Pictures([record.id for record in records], [record.digest for record in records], clusters)


def edited(
    found: Numbered,
    records: Sequence[ImageRecord],
    outputs: np.ndarray,
    actions: Sequence[Action],
    rows: np.ndarray,
    where: Collection,
    say: Say,
) -> Edited:
    """Applies what people corrected to what a head says.

    Args:
        found: the numbers of the head's outputs.
        records: the pictures.
        outputs: int (n,), what the head says of them.
        actions: see `heeded`.
        rows: float (n, dim), the clean embeddings.
        where: the result, for messages.
        say: takes a line where not all actions could be heeded.
    """
    last, numbers = found.last, found.numbers
    now = _pictures(records, numbers.of(outputs))
    actions, means = complete(actions, now, last or now, rows)
    applied = applied_to(now, actions)
    _say_left(applied, actions, where, say)
    numbers = replace(numbers, next=after(numbers, actions), names=applied.names)
    heeded = [number for number in range(len(actions)) if number not in set(applied.left)]
    effects = [actions[number] for number in heeded]
    of_parts = {place: means[number] for place, number in enumerate(heeded) if number in means}
    kept = None
    if last is not None:
        known = set(last.clusters.tolist())
        kept = len(known & set(numbers.numbers)), len(known)
    return Edited(
        now,
        numbers,
        Edits(numbers.result, tuple(actions)),
        applied,
        Rules(numbers, effects, of_parts),
        kept,
        Changes([]) if last is None else changes(last, now, found.pairs, actions),
    )


def after(numbers: Numbers, actions: Sequence[Action]) -> int:
    """The first number that was never used, by a head or by a person."""
    return max([numbers.next, *(number + 1 for number in numbers_in(actions))])


def heeded(before: Before, numbers: Numbers, where: Collection, say: Say) -> Sequence[Action]:
    """The actions of the result's own file; a file of another result is named and left alone."""
    if before.edits is None:
        return ()
    if before.edits.result != numbers.result:
        say(
            f"{where.edits}: made for another result ({before.edits.result}, this one is {numbers.result}); left where "
            "it is, and not heeded",
            err=True,
        )
        return ()
    return before.edits.actions


def _say_left(applied: Applied, actions: Sequence[Action], where: Collection, say: Say) -> None:
    """Names actions that mean nothing any more. They stay: what is gone may come back."""
    if not applied.left:
        return
    some = f"{len(applied.left):,} of {len(actions):,} actions have no effect any more"
    outdated = "outdated, " if len(applied.left) == len(actions) else ""
    number = applied.left[0]
    first = f"the first is action {number + 1}, {actions[number]['do']}"
    gone = f"; {applied.gone:,} pictures are gone" if applied.gone else ""
    say(f"{where.edits}: {outdated}{some} ({first}{gone}); they are left in it", err=True)


def keep(collection: Collection, before: Before, made: Edited) -> None:
    """Writes what the next run goes by: the numbers, the pictures, and edits.json where its splits were completed."""
    if before.edits is not None and made.edits.actions != before.edits.actions and made.edits.actions:
        write_edits(collection.edits, made.edits)
    write_numbers(collection.clusters, made.numbers)
    write_pictures(collection.last, made.pictures)
    write_text(collection.obeyed, f"{_digest(collection.edits)}\n")


def is_obeyed(collection: Collection) -> bool:
    """Whether the tables and the page are made with edits.json as it is now; those of earlier versions are."""
    known = collection.obeyed
    return not known.is_file() or known.read_text(encoding="utf-8") == f"{_digest(collection.edits)}\n"


def _digest(path: Path) -> str:
    return sha256_of_file(path) if path.is_file() else ""
