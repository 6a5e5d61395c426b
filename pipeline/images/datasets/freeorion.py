"""The art of FreeOrion, from Debian: reader and entry."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.packages import Package

PACKAGE = Package("Debian", "freeorion-data", "0.4.10.2-1")

KINDS = {
    "icons/building": "building",
    "icons/fleet": "fleet marker",
    "icons/monsters": "monster",
    "icons/ship_hulls": "hull",
    "icons/ship_parts": "ship part",
    "icons/specials_huge": "special",
    "icons/species": "species",
    "icons/tech": "technology",
    "nebulae": "nebula",
    "planets": "map of a planet",
    "stars_sidepanel": "star",
}
"""Folder of art -> class; folders below these hold parts of pictures, and variants."""


def is_right_below(path: Path) -> bool:
    """Whether a picture lies in one of the folders itself."""
    return any(path.parent.match(folder) for folder in KINDS)


ENTRIES = (
    Dataset(
        name="freeorion",
        title="FreeOrion's art, 11 kinds of things",
        source=PACKAGE.place("/usr/share/games/freeorion/default/data/art"),
        licence="CC BY-SA 3.0",
        sizes={"train": 650},
        reader=partial(read_class_folders, classes=KINDS, keep=is_right_below),
        files=tuple(KINDS),
        package=PACKAGE,
    ),
)
