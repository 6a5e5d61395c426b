"""What lies among people's pictures and is none of them: what systems leave in folders, and what people exclude."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

FOLDERS = (
    "@eaDir",  # Synology: thumbnails and extended attributes
    "#recycle",
    "#snapshot",
    ".@__thumb",  # QNAP
    "@Recycle",
    "@Recently-Snapshot",
    "$RECYCLE.BIN",  # Windows
    "RECYCLER",
    "System Volume Information",
    "lost+found",  # ext4
    "__MACOSX",  # archives that macOS made
    ".thumbnails",  # freedesktop.org, Android
)
"""Folders that no picture of anybody's lies in, whatever the case of their letters."""
FILES = ("Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "Icon\r")
"""Likewise files."""
FORK = "._"
"""What macOS puts before a picture's name for the rest of it on a foreign disk (AppleDouble)."""
FORKS = f"{FORK}*"
_FOLDERS = {name.casefold(): name for name in FOLDERS}
_FILES = {name.casefold(): name for name in FILES}


@dataclass(frozen=True)
class Skip:
    """What is passed over in folders: the names above and, if people say so, more."""

    patterns: tuple[str, ...] = ()
    """As a shell has them, for names, or with a ``/`` for paths from the source on; one that ends in ``/`` is for
    folders alone."""

    def reason(self, path: str, is_folder: bool) -> str | None:
        """The name or the pattern that a file or folder is passed over for, if it is.

        Args:
            path: from the source on, with ``/``; the folders that it lies in are not looked at.
            is_folder: whether it is a folder.
        """
        name = path.rpartition("/")[2]
        if known := (_FOLDERS if is_folder else _FILES).get(name.casefold()):
            return known
        if name.startswith(FORK) and not is_folder:
            return FORKS
        return self.excluded(path, is_folder)

    def excluded(self, path: str, is_folder: bool = False) -> str | None:
        """The pattern that fits a file or folder, if one does: also the very name, whatever signs it has."""
        return next((pattern for pattern in self.patterns if _fits(path, pattern, is_folder)), None)


def _fits(path: str, pattern: str, is_folder: bool) -> bool:
    wanted = pattern.removesuffix("/").removeprefix("./")
    if wanted != pattern and pattern.endswith("/") and not is_folder:
        return False
    # Disks of different systems spell é in two ways.
    one, other = (unicodedata.normalize("NFC", text) for text in (path, wanted))
    one = one if "/" in other else one.rpartition("/")[2]
    return one == other.removeprefix("/") or fnmatchcase(one, other.removeprefix("/"))


def files_in(folder: str | Path) -> int:
    """How many files are below a folder that is passed over."""
    return sum(len(files) for _, _, files in os.walk(folder))


def prefixes(path: PurePath) -> Iterator[tuple[str, str, bool]]:
    """A relative path's parts: the name of each, its path, and whether it is a folder because more follows."""
    for number, name in enumerate(path.parts, 1):
        yield name, "/".join(path.parts[:number]), number < len(path.parts)


def said(skipped: Mapping[str, int]) -> str:
    """How many files were passed over and for what, for people; nothing where none was."""
    groups = (("in", FOLDERS), ("like", (*FILES, FORKS)), ("like", [name for name in skipped if name not in _KNOWN]))
    parts = []
    for word, names in groups:
        there = [name for name in names if skipped.get(name)]
        if there:
            total = sum(skipped[name] for name in there)
            parts.append(f"{total:,} file{'s' * (total != 1)} {word} {', '.join(there)} skipped")
    return "; ".join(parts)


_KNOWN = {*FOLDERS, *FILES, FORKS}
