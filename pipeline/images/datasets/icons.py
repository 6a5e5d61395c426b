"""Icons and symbols by what they are for, from Debian and Python packages: readers and entries."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from pipeline.images.datasets.class_folders import read_class_folders
from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.packages import Package

MATE = Package("Debian", "mate-icon-theme", "1.26.0-1")
OXYGEN = Package("Debian", "oxygen-icon-theme", "5:5.103.0-1")
DIA = Package("Debian", "dia-common", "0.97.3+git20220525-5")
DIAGRAMS = Package("Python", "diagrams", "0.25.1")

CONTEXTS = {
    "actions": "action",
    "apps": "application",
    "categories": "category",
    "devices": "device",
    "emotes": "face",
    "mimetypes": "kind of file",
    "places": "place",
    "status": "status",
}
"""Folder of an icon theme, a context of freedesktop.org's -> class; Oxygen has but two emblems."""
MATE_CONTEXTS = {**CONTEXTS, "emblems": "emblem"}
FURTHER_FRAME = re.compile(r"connecting(0[2-9]|1\d)$")
"""How the name of an animation's second and later pictures ends."""
SHEETS = (
    *("Assorted", "BPMN", "ChemEng", "Circuit", "Cisco", "Civil", "Contact", "Cybernetics", "EDPC"),
    *("Electric", "Flowchart", "Lights", "Map/Isometric", "Pneumatic", "SDL", "jigsaw", "network"),
)
"""Folders of Dia's shapes, each of which is a class: those with ten or more."""
VENDORS = {
    "alibabacloud": "Alibaba Cloud",
    "aws": "AWS",
    "azure": "Azure",
    "digitalocean": "DigitalOcean",
    "elastic": "Elastic",
    "firebase": "Firebase",
    "gcp": "Google Cloud",
    "ibm": "IBM",
    "k8s": "Kubernetes",
    "oci": "Oracle Cloud",
    "openstack": "OpenStack",
}
"""Folder of Diagrams' icons -> class: those of one vendor, whose icons have one style, and of twenty or more."""


def is_one_of_its_own(path: Path) -> bool:
    """Whether a theme's icon is itself, no second name of another and no later frame of an animation."""
    return not path.is_symlink() and not FURTHER_FRAME.search(path.stem)


def is_coloured(path: Path) -> bool:
    """Whether an icon is the coloured one, and not its white twin."""
    return not path.stem.endswith("-white")


ENTRIES = (
    Dataset(
        name="mate-icons",
        title="MATE's icons, 9 contexts",
        source=MATE.place("/usr/share/icons/mate/48x48"),
        licence="LGPL-3+ or CC BY-SA",
        sizes={"train": 440},
        reader=partial(read_class_folders, classes=MATE_CONTEXTS, keep=is_one_of_its_own),
        files=tuple(MATE_CONTEXTS),
        package=MATE,
    ),
    Dataset(
        name="oxygen-icons",
        title="KDE's Oxygen icons, 8 contexts",
        source=OXYGEN.place("/usr/share/icons/oxygen/base/128x128"),
        licence="LGPL-3+",
        sizes={"train": 598},
        reader=partial(read_class_folders, classes=CONTEXTS, keep=is_one_of_its_own),
        files=tuple(CONTEXTS),
        package=OXYGEN,
    ),
    Dataset(
        name="dia-shapes",
        title="Dia's symbols for diagrams, 17 fields",
        source=DIA.place("/usr/share/dia/shapes"),
        licence="GPL-2",
        sizes={"train": 748},
        reader=partial(read_class_folders, classes={sheet: sheet for sheet in SHEETS}),
        files=SHEETS,
        package=DIA,
    ),
    Dataset(
        name="diagrams",
        title="the icons of cloud services that Diagrams ships, 11 vendors",
        source=DIAGRAMS.place("resources"),
        licence="MIT; the marks are the vendors'",
        sizes={"train": 1_858},
        reader=partial(read_class_folders, classes=VENDORS, keep=is_coloured),
        files=tuple(VENDORS),
        package=DIAGRAMS,
    ),
)
