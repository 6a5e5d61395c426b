"""The landscapes and the outfits of Endless Sky, from Debian: readers and entries."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package

PACKAGE = Package("Debian", "endless-sky-data", "0.9.8-1.2")

LANDSCAPES = {
    "badlands": "desert",
    "beach": "beach",
    "canyon": "canyon",
    "city": "city",
    "desert": "desert",
    "dune": "desert",
    "fields": "field",
    "mountain": "mountain",
    "sea": "sea",
    "snow": "snow",
    "valley": "valley",
    "water": "lake",
}
"""Name of a photograph -> class (ours): those with ten pictures or more; others are named by who took them."""
CATEGORIES = {
    "Ammunition": "ammunition",
    "Engines": "engine",
    "Guns": "gun",
    "Power": "power",
    "Secondary Weapons": "launcher",
    "Special": "special",
    "Systems": "system",
    "Turrets": "turret",
}
"""Category of an outfit -> class; there are only five for fights hand to hand."""
NAME = re.compile(r"([a-z]+)\d+(-[a-z]+)?")
OUTFIT = re.compile(r"^outfit [^\n]*\n(?:[\t#][^\n]*\n|\n)*", re.MULTILINE)
CATEGORY = re.compile(r'^\tcategory "?([^"\n]+)', re.MULTILINE)
THUMBNAIL = re.compile(r'^\tthumbnail "?([^"\n]+)', re.MULTILINE)


def kind_of(path: Path) -> str:
    """What a photograph shows, by its name; empty where the name does not say it."""
    name = NAME.fullmatch(path.stem)
    return LANDSCAPES.get(name[1], "") if name else ""


def read_outfits(source: Path) -> dict[str, Split]:
    """The picture of each outfit of a ship, with its category, as the game's tables have them."""
    categories: dict[Path, str] = {}
    for table in sorted((source / "data").glob("*.txt"), key=os.fsencode):
        for outfit in OUTFIT.findall(table.read_text(encoding="utf-8", errors="replace")):
            category, thumbnail = CATEGORY.search(outfit), THUMBNAIL.search(outfit)
            if category and thumbnail and category[1] in CATEGORIES:
                path = Path("images", f"{thumbnail[1]}.png")
                if (source / path).is_file():
                    categories.setdefault(path, CATEGORIES[category[1]])
    return {"train": Split(list(categories), list(categories.values()))}


ENTRIES = (
    Dataset(
        name="endless-sky-landscapes",
        title="photographs of landscapes from Endless Sky, 10 kinds",
        source=PACKAGE.place("/usr/share/games/endless-sky"),
        licence="public domain, CC BY-SA 3.0 and CC BY-SA 4.0",
        sizes={"train": 175},
        reader=partial(
            read_class_folders, classes={"images/land": ""}, keep=lambda path: bool(kind_of(path)), name=kind_of
        ),
        files=("images/land",),
        package=PACKAGE,
    ),
    Dataset(
        name="endless-sky-outfits",
        title="the outfits of Endless Sky's ships, 8 categories",
        source=PACKAGE.place("/usr/share/games/endless-sky"),
        licence="CC BY-SA 4.0",
        sizes={"train": 284},
        reader=read_outfits,
        files=("data", "images/outfit"),
        package=PACKAGE,
    ),
)
