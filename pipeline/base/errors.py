"""The one error that a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from pipeline.base.text import shown

T = TypeVar("T")


class PipelineError(Exception):
    """Something the user can put right: the message says what was wrong, expected, found and what to do next.

    The command line prints the message as one line and ends with exit code 2; it never shows a traceback for it. What
    stands in it may come from a file that somebody else made, so it is `shown`, and cut where it is beyond reason.
    """

    def __init__(self, message: str) -> None:
        text = shown(message)
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST - 300]} [...] {text[-250:]}")


LONGEST = 1500
"""Characters of a message."""


def one_line(error: Exception) -> str:
    """An exception's type and the beginning of its message, without line breaks."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> PipelineError:
    """The error for a name that no registry has, with the near names offered.

    Args:
        kind: what the name stands for, such as ``data set``.
        name: the name as it was given.
        known: every name that would have been right.
        where: the place where the name stood, such as ``params.yaml: run.datasets``; may be empty.
    """
    names = sorted(known)
    by_lower = {each.lower(): each for each in names}
    written = name.lower()
    close = [written] if written in by_lower else difflib.get_close_matches(written, by_lower, n=3, cutoff=0.5)
    near = [by_lower[each] for each in close]
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    place = f"{where}: " if where else ""
    return PipelineError(f"{place}unknown {kind} '{name}'; {hint}")


def entry_of(registry: Mapping[str, T], kind: str, name: str, where: str = "") -> T:
    """The entry of a registry.

    Args:
        registry: the entries by name.
        kind: what a name stands for, see `unknown`.
        name: the name as it was given.
        where: the place where the name stood.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in registry:
        raise unknown(kind, name, registry, where)
    return registry[name]
