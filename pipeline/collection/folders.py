"""The names of clusters as folders that every file system takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
"""What Windows, or any other system, takes in no name (Microsoft, Naming Files, Paths, and Namespaces)."""
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])(?=\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever follows after a dot."""
LONGEST = 120
"""Bytes of a name: Linux takes 255, an encrypted home folder 143, and a path on Windows 260 in all."""


def folder_names(clusters: Collection[int], names: Mapping[int, str], taken: Iterable[str] = ()) -> dict[int, str]:
    """A folder for each cluster: its name where a person gave one, and else its number.

    Two names that some file system takes for one, as it knows no capitals, are told apart by the numbers.

    Args:
        clusters: their numbers.
        names: those that people gave.
        taken: names that something else has.
    """
    width = len(str(max(clusters, default=0)))
    found = {number: f"cluster-{number:0{width}d}" for number in clusters}
    used = {_same(name) for name in (*taken, *(found[number] for number in clusters if number not in names))}
    for number in sorted(set(clusters) & set(names)):
        name = safe(names[number]) or found[number]
        if _same(name) in used:
            name = f"{_cut(name, LONGEST - 10)} ({number})"
        while _same(name) in used:
            name += "_"
        used.add(_same(name))
        found[number] = name
    return found


def safe(name: str) -> str:
    """A name as every file system takes it; empty where nothing of it is left."""
    text = _cut(FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(), LONGEST).rstrip(". ")
    text = re.sub(r"^\.", "_", text)  # It would be hidden.
    return DEVICES.sub(r"\1_", text, count=1) if DEVICES.match(text) else text


def unique_names(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Names of files for one folder: of those that are the same the later ones get a number."""
    used, found = {_same(name) for name in taken}, []
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        stem, suffix = (stem, dot + suffix) if stem else (name, "")
        count, each = 1, name
        while _same(each) in used:
            count += 1
            each = f"{stem} ({count}){suffix}"
        used.add(_same(each))
        found.append(each)
    return found


def _same(name: str) -> str:
    """What two names have in common that a file system may take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _cut(text: str, most: int) -> str:
    """The beginning of a text, at most so many bytes of UTF-8, without half a character."""
    return text.encode("utf-8")[:most].decode("utf-8", "ignore")
