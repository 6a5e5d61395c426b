"""Drawings that two programs for children bring, from Debian: pysiogame's and Scratch's; readers and entries."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.packages import Package

PYSIOGAME = Package("Debian", "pysiogame", "4.20.01-1")
SCRATCH = Package("Debian", "scratch", "1.4.0.6~dfsg1-6.1")

WORDS = {
    "actions": "action",
    "animals": "animal",
    "body": "part of the body",
    "clothes_n_accessories": "clothing",
    "construction": "building",
    "food": "food",
    "fruit_n_veg": "fruit or vegetable",
    "jobs": "job",
    "nature": "landscape",
    "people": "people",
    "sport": "sport",
    "transport": "vehicle",
}
"""Folder of pysiogame's words to learn -> class."""
MEDIA = {
    "Backgrounds/Indoors": "indoors",
    "Backgrounds/Nature": "nature",
    "Backgrounds/Outdoors": "outdoors",
    "Costumes/Animals": "animal",
    "Costumes/Fantasy": "fantasy",
    "Costumes/People": "people",
    "Costumes/Things": "thing",
    "Costumes/Transportation": "vehicle",
}
"""Folder of Scratch's media -> class; its seven sports grounds are left out."""
LETTERS = "Costumes/Letters"
STYLES = ("auto", "bubbles", "circles", "curly", "digital", "funky", "keys", "outline", "scratch", "stone")
FURTHER_POSE = re.compile(r"-([b-z]|[2-9])$")
"""How the name of a figure's second and later pose ends."""


def is_first_pose(path: Path) -> bool:
    """Whether a picture is the only one of its figure, or the first."""
    return not FURTHER_POSE.search(path.stem)


ENTRIES = (
    Dataset(
        name="pysiogame",
        title="drawings of pysiogame's words to learn, 12 kinds",
        source=PYSIOGAME.place("/usr/share/games/pysiogame/res/images/art4apps"),
        licence="GPL-3+",
        sizes={"train": 581},
        reader=partial(read_class_folders, classes=WORDS),
        files=tuple(WORDS),
        package=PYSIOGAME,
    ),
    Dataset(
        name="scratch",
        title="Scratch's figures and backgrounds, drawings and photographs of 8 kinds",
        source=SCRATCH.place("/usr/share/scratch/Media"),
        licence="CC BY-SA 3.0",
        sizes={"train": 291},
        reader=partial(read_class_folders, classes=MEDIA, keep=is_first_pose),
        files=tuple(MEDIA),
        package=SCRATCH,
    ),
    Dataset(
        name="scratch-letters",
        title="Scratch's letters and digits, each in 10 styles or 9",
        source=SCRATCH.place("/usr/share/scratch/Media"),
        licence="CC BY-SA 3.0",
        sizes={"train": 350},
        reader=partial(
            read_class_folders, classes={f"{LETTERS}/{style}": style for style in STYLES}, name=lambda path: path.stem
        ),
        files=tuple(f"{LETTERS}/{style}" for style in STYLES),
        package=SCRATCH,
    ),
)
