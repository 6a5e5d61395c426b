"""The stamps of Tux Paint, from Debian: reader and entry."""

from __future__ import annotations

from functools import partial

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.packages import Package

PACKAGE = Package("Debian", "tuxpaint-stamps-default", "2022.06.04-1")

STAMPS = {
    "animals/birds": "bird",
    "animals/insects": "insect",
    "animals/mammals": "mammal",
    "food/fruit": "fruit",
    "food/vegetables": "vegetable",
    "plants/flowers": "flower",
    "symbols/money": "money",
    "town/houses": "house",
    "town/roadsigns": "road sign",
    "vehicles": "vehicle",
}
"""Folder of stamps -> class (ours): those of things with 15 pictures or more, and no occasions such as Christmas.

They are photographs and drawings, cut out; those drawn as SVG are left out."""


ENTRIES = (
    Dataset(
        name="tuxpaint",
        title="Tux Paint's stamps, photographs and drawings of 10 kinds of things",
        source=PACKAGE.place("/usr/share/tuxpaint/stamps"),
        licence="GPL-2",
        sizes={"train": 333},
        reader=partial(read_class_folders, classes=STAMPS),
        files=tuple(STAMPS),
        package=PACKAGE,
    ),
)
