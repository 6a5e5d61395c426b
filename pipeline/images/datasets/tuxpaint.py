"""The stamps of Tux Paint, from Debian: reader and entry."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package
from pipeline.images.sources import files_below

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
"""Folder of stamps -> class (ours): those of things with 15 pictures or more, and no occasions such as Christmas."""


def read_tuxpaint(source: Path) -> dict[str, Split]:
    """Photographs and drawings, cut out, in folders by what they show; those drawn as SVG are left out."""
    pictures: list[Path] = []
    labels: list[str] = []
    for folder, label in STAMPS.items():
        files = (path.relative_to(source) for path in files_below(source / folder) if path.suffix == ".png")
        found = sorted(files, key=os.fsencode)
        pictures += found
        labels += [label] * len(found)
    return {"train": Split(pictures, labels)}


ENTRIES = (
    Dataset(
        name="tuxpaint",
        title="Tux Paint's stamps, photographs and drawings of 10 kinds of things",
        source=PACKAGE.place("/usr/share/tuxpaint/stamps"),
        licence="GPL-2",
        sizes={"train": 333},
        reader=read_tuxpaint,
        files=tuple(STAMPS),
        package=PACKAGE,
    ),
)
