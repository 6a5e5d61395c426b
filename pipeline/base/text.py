"""Names, values and tables as text: safe to write into any file, and to show in any terminal."""

from __future__ import annotations

import reprlib
import unicodedata
from collections.abc import Iterable, Sequence

TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing, so that a name may look like another."""


def shown(text: str) -> str:
    """Text for a terminal: what would move its cursor, colour it, break the line or turn it round is escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(sign) if unicodedata.category(sign) in _SIGNS or sign in TURNS else sign for sign in text)


_SIGNS = ("Cc", "Cs", "Zl", "Zp")


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def quoted(value: object) -> str:
    """A value of any size or depth as a message shows it."""
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, 100, 100


def printable(text: str) -> str:
    """Text without the bytes of a file name that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def markdown_table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, for people and for the README."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
