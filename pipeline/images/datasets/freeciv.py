"""The flags of Freeciv's nations, from Debian: reader and entry."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package

PACKAGE = Package("Debian", "freeciv-data", "3.0.6-1+deb12u1")

CONTINENTS = {
    "African": "Africa",
    "American": "America",
    "Asian": "Asia",
    "European": "Europe",
    "Oceanian": "Oceania",
}
"""Group of nations -> class."""
FLAG = re.compile(r'^flag\s*=\s*"([^"]+)"', re.MULTILINE)
GROUPS = re.compile(r"^groups\s*=(.*)$", re.MULTILINE)


def read_flags(source: Path) -> dict[str, Split]:
    """The flag of each nation, of today and of the past, that the game's rules put on one continent alone."""
    continents: dict[Path, str] = {}
    for table in sorted((source / "nation").glob("*.ruleset"), key=os.fsencode):
        text = table.read_text(encoding="utf-8", errors="replace")
        flag, groups = FLAG.search(text), GROUPS.search(text)
        found = (
            [CONTINENTS[group] for group in re.findall(r'"([^"]+)"', groups[1]) if group in CONTINENTS]
            if groups
            else []
        )
        if flag and len(found) == 1:
            continents.setdefault(Path("flags", f"{flag[1]}-large.png"), found[0])
    return {"train": Split(list(continents), list(continents.values()))}


ENTRIES = (
    Dataset(
        name="freeciv-flags",
        title="the flags of Freeciv's nations, 5 continents",
        source=PACKAGE.place("/usr/share/games/freeciv"),
        licence="GPL-2+",
        sizes={"train": 508},
        reader=read_flags,
        files=("nation", "flags"),
        package=PACKAGE,
    ),
)
