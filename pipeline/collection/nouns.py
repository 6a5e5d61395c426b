"""The nouns of WordNet, all or those that a picture can show, from a copy of its database on this machine.

The format is WordNet's own, wndb(5WN): ``data.noun`` has a synset a line, ``index.noun`` a noun. The copy is where
WordNet itself looks for one (``WNSEARCHDIR``, ``WNHOME``), where NLTK keeps its download, or Debian's. None of it is
needed: without one no names are suggested from it.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SEEN = frozenset({5, 6, 8, 11, 13, 17, 20})
"""Lexicographer files, lexnames(5WN): animals, artifacts, body, events, food, objects, plants.

Not persons: many of these nouns judge, or say of people what no picture shows, as ImageNet learnt from its own.
"""
INSTANCE = "@i"
"""The pointer of what is one of its kind, such as Houston."""
ARCHIVE = "wordnet.zip"
"""As NLTK downloads it, with the folder ``wordnet``."""
SYSTEM = (Path("/usr/share/nltk_data/corpora") / ARCHIVE, Path("/usr/share/wordnet"))
DATA = "data.noun"
FILES = ("index.noun", DATA)
UNREADABLE = (OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile)
"""What a copy that is damaged, or none, ends in."""
MOST_BYTES = 2**26
"""Of a file; WordNet's have 16 MB at most."""


def find_nouns() -> list[str]:
    """Nouns in common use that name, in their first sense, what can be seen; empty where no copy can be read.

    In common use is what WordNet counted in texts at least once: some 3,000 of 118,000, in the order of its index.
    """
    for place in _places():
        with suppress(*UNREADABLE):
            index, data = (_lines(place, name) for name in FILES)
            return read_nouns(index, data)
    return []


def find_synsets() -> list[list[str]]:
    """The words of every synset of nouns, in the order of WordNet's file; empty where no copy can be read."""
    for place in _places():
        with suppress(*UNREADABLE):
            return [[word.replace("_", " ") for word in _words(line)] for line in _lines(place, DATA)]
    return []


def read_nouns(index: list[str], data: list[str]) -> list[str]:
    """The nouns in the lines of the two files, see `find_nouns`.

    Raises:
        ValueError, IndexError, KeyError: if a line is none of the format.
    """
    spelled: dict[str, dict[str, str]] = {}
    for line in data:
        fields, words = line.partition("|")[0].split(), _words(line)
        if int(fields[1]) in SEEN and INSTANCE not in fields[4 + 2 * len(words) :]:
            spelled[fields[0]] = {word.lower(): word.replace("_", " ") for word in words}
    nouns = []
    for line in index:
        fields = line.split()
        counted, first = fields[5 + int(fields[3]) : 7 + int(fields[3])]
        if int(counted) and first in spelled:
            nouns.append(spelled[first][fields[0]])
    return nouns


def _words(line: str) -> list[str]:
    """The words of a synset, of its line in ``data.noun``.

    Raises:
        ValueError, IndexError: if the line is none of the format.
    """
    fields = line.partition("|")[0].split()
    words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    if not words or not fields[0].isdecimal():
        raise ValueError(f"expected a synset, found {line[:20]!r}")
    return words


def _places() -> Iterator[Path]:
    """Where copies may be: folders with the two files, or archives of one."""
    named = os.environ.get("WNSEARCHDIR")
    if named:
        yield Path(named)
    if home := os.environ.get("WNHOME"):
        yield Path(home) / "dict"
    own = [Path(part) for part in os.environ.get("NLTK_DATA", "").split(os.pathsep) if part]
    with suppress(RuntimeError):  # Nobody knows where this user is at home.
        own.append(Path.home() / "nltk_data")
    for folder in own:
        yield folder / "corpora" / "wordnet"
        yield folder / "corpora" / ARCHIVE
    yield from SYSTEM


def _lines(place: Path, name: str) -> list[str]:
    """The lines of a file without the licence, whose lines begin with a blank."""
    if place.name == ARCHIVE:
        with zipfile.ZipFile(place) as archive, archive.open(f"wordnet/{name}") as file:
            text = file.read(MOST_BYTES).decode("utf-8", errors="replace")
    else:
        text = (place / name).read_text("utf-8", errors="replace")
    return [line for line in text.split("\n") if line.strip() and not line.startswith(" ")]
