"""The portraits and the units of Battle for Wesnoth, from Debian: readers and entries."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package
from pipeline.images.sources import files_below

PACKAGE = Package("Debian", "wesnoth-1.16-data", "1:1.16.9-1")
CORE = PACKAGE.place("/usr/share/games/wesnoth/1.16/data/core")

PEOPLES = {
    f"images/portraits/{folder}": folder
    for folder in (
        *("drakes", "dwarves", "elves", "goblins", "humans", "merfolk", "monsters", "nagas", "orcs", "trolls"),
        "undead",
    )
}
"""Folder of portraits -> class: those with seven or more."""
RACES = ("drake", "dwarf", "elf", "human", "merman", "monster", "naga", "orc", "undead")
"""Races of units that are classes: those with ten kinds or more."""
STANDING = re.compile(r'^    image="?(units/[^"~{\n]+\.png)', re.MULTILINE)
RACE = re.compile(r"^    race=(\w+)", re.MULTILINE)


def read_units(source: Path) -> dict[str, Split]:
    """The picture of each kind of unit as it stands, with its race, as the game's table of the unit has them.

    No frame of an animation is among them, of which there are ten for each of these.
    """
    races: dict[Path, str] = {}
    for table in sorted(files_below(source / "units"), key=os.fsencode):
        text = table.read_text(encoding="utf-8", errors="replace")
        picture, race = STANDING.search(text), RACE.search(text)
        if picture and race and race[1] in RACES:
            races.setdefault(Path("images", picture[1]), race[1])
    return {"train": Split(list(races), list(races.values()))}


ENTRIES = (
    Dataset(
        name="wesnoth-portraits",
        title="painted portraits of Battle for Wesnoth, 11 peoples",
        source=CORE,
        licence="GPL-2+",
        sizes={"train": 229},
        reader=partial(read_class_folders, classes=PEOPLES),
        files=tuple(PEOPLES),
        package=PACKAGE,
    ),
    Dataset(
        name="wesnoth-units",
        title="units of Battle for Wesnoth as small sprites, 9 races",
        source=CORE,
        licence="GPL-2+",
        sizes={"train": 195},
        reader=read_units,
        files=("units", "images/units"),
        package=PACKAGE,
    ),
)
