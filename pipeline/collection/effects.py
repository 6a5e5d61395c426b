"""What the actions of edits.json mean: a clustering and actions -> the clustering that the person meant.

The page applies the same meaning in JavaScript; the cases in tests/collection/edits hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.collection.edits import Action
from pipeline.collection.matching import Pictures


@dataclass(frozen=True)
class Applied:
    """What becomes of a clustering."""

    clusters: list[int | None]
    """The number of each picture's cluster; None: it is set aside."""
    names: dict[int, str]
    left: list[int]
    """The actions that had no effect, from 0: their pictures are gone, or a cluster that they name is."""
    gone: int
    """Pictures that the actions name and that are not there, each once."""


def apply(actions: Sequence[Action], paths: Sequence[str], digests: Sequence[str], clusters: Sequence[int]) -> Applied:
    """Applies actions, one after the other.

    Args:
        actions: of `Edits`, checked.
        paths: of the pictures, as text.
        digests: theirs; "" of an embedding that was brought.
        clusters: the lasting number that the head gives each picture.
    """
    state = State(paths, digests, clusters)
    left = [number for number, action in enumerate(actions) if not state.act(action)]
    return Applied(state.numbers(), state.names, left, len(state.gone))


def applied_to(run: Pictures, actions: Sequence[Action]) -> Applied:
    """What actions make of a run."""
    return apply(actions, run.texts, run.digests, run.clusters.tolist())


class State:
    """A clustering while actions are applied. A picture that is set aside keeps its cluster, for when it comes back."""

    def __init__(self, paths: Sequence[str], digests: Sequence[str], clusters: Sequence[int]) -> None:
        self.clusters = np.array(clusters, dtype=np.int64)
        self.aside = np.zeros(len(self.clusters), dtype=bool)
        self.names: dict[int, str] = {}
        self.gone: set[tuple[str, str]] = set()
        self._found = Finder(paths, digests)

    def act(self, action: Action) -> bool:
        """Applies an action; whether it had an effect."""
        return _EFFECTS[action["do"]](self, action)

    def numbers(self) -> list[int | None]:
        """See `Applied.clusters`."""
        pairs = zip(self.clusters.tolist(), self.aside.tolist(), strict=True)
        return [None if aside else cluster for cluster, aside in pairs]

    def rows(self, pictures: Sequence[Mapping[str, str]]) -> list[int]:
        """The rows of the pictures that are there; the others are counted."""
        rows = [(picture, self._found.row(picture)) for picture in pictures]
        self.gone.update((picture["path"], picture["digest"]) for picture, row in rows if row is None)
        return [row for _, row in rows if row is not None]

    def there(self, *clusters: int) -> bool:
        """Whether each of these clusters has a picture, be it one that is set aside."""
        return bool(np.isin(clusters, self.clusters).all())


class Finder:
    """Finds the pictures that a file of edits names among those of a collection."""

    def __init__(self, paths: Sequence[str], digests: Sequence[str]) -> None:
        self._digests = digests
        self._by_path: dict[str, list[int]] = {}
        self._by_digest: dict[str, int] = {}
        for row, (path, digest) in enumerate(zip(paths, digests, strict=True)):
            self._by_path.setdefault(path, []).append(row)  # Names that are no UTF-8 may look alike.
            self._by_digest.setdefault(digest, row)

    def row(self, picture: Mapping[str, str]) -> int | None:
        """By its path where the content agrees, else by its content, the first one of it; None: it is gone."""
        path, digest = picture["path"], picture["digest"]
        for row in self._by_path.get(path, ()):
            if not digest or self._digests[row] in (digest, ""):
                return row
        return self._by_digest.get(digest) if digest else None


def _name(state: State, action: Action) -> bool:
    if not state.there(action["cluster"]):
        return False
    if name := action["name"].strip():
        state.names[action["cluster"]] = name
    else:
        state.names.pop(action["cluster"], None)
    return True


def _move(state: State, action: Action) -> bool:
    rows = state.rows(action["pictures"])
    state.clusters[rows] = action["to"]
    state.aside[rows] = False  # Who puts a picture into a cluster wants to see it there.
    return bool(rows)


def _merge(state: State, action: Action) -> bool:
    if not state.there(*action["clusters"]):
        return False
    state.clusters[np.isin(state.clusters, action["clusters"])] = action["into"]
    for other in set(action["clusters"]) - {action["into"]}:
        state.names.pop(other, None)
    return True


def _split(state: State, action: Action) -> bool:
    """Who was moved to another cluster, or is in one by the head's own word, stays there."""
    split = False
    for part in action["parts"]:
        for row in state.rows(part["pictures"]):
            if state.clusters[row] == action["cluster"]:
                state.clusters[row] = part["cluster"]
                split = True
    return split


def _aside(state: State, action: Action) -> bool:
    rows = state.rows(action["pictures"])
    state.aside[rows] = action["do"] == "aside"
    return bool(rows)


def _related(state: State, action: Action) -> bool:
    """What a training alone heeds: two pictures make a relation, and one can be in none of some clusters."""
    return len(set(state.rows(action["pictures"]))) >= (1 if action["do"] == "not" else 2)


_EFFECTS: dict[str, Callable[[State, Action], bool]] = {
    "name": _name,
    "move": _move,
    "merge": _merge,
    "split": _split,
    "aside": _aside,
    "restore": _aside,
    "together": _related,
    "apart": _related,
    "not": _related,
}
"""By `do`; whether the action had an effect."""
