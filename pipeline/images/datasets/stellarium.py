"""What Stellarium shows in the sky, from Debian: constellations as peoples draw them, and photographs of what is far
beyond the planets; readers and entries."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pipeline.images.datasets.deep_sky import CATALOGUES, read_catalogue
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package, checked

PACKAGE = Package("Debian", "stellarium-data", "0.22.2-1")

CULTURES = {
    "arabic_al-sufi": "Arabic",
    "babylonian_mulapin": "Babylonian",
    "belarusian": "Belarusian",
    "boorong": "Boorong",
    "dakota": "Dakota",
    "egyptian_dendera": "Egyptian",
    "greek_farnese": "Farnese globe",
    "greek_leidenAratea": "Leiden Aratea",
    "inuit": "Inuit",
    "kamilaroi": "Kamilaroi",
    "macedonian": "Macedonian",
    "maya": "Maya",
    "ojibwe": "Ojibwe",
    "romanian": "Romanian",
    "western": "Western",
}
"""Folder of a culture -> class: those with ten constellations or more, drawn by one hand; two take pictures of
`western`."""
KINDS = {
    **dict.fromkeys(range(5), "galaxy"),
    **dict.fromkeys((5, 6), "open cluster"),
    7: "globular cluster",
    11: "planetary nebula",
    **dict.fromkeys((10, *range(13, 19)), "nebula"),
}
"""Type in the catalogue -> class (ours): the others have a few pictures each, and dark nebulae eight."""
CATALOGUE_SHA256 = "5fc2012a3ee7ae37525496dbf95a4e5f6d3429b38b8f491e317f7df721cbc5f3"
DESIGNATION = re.compile(rf"({'|'.join(CATALOGUES)})(\d+)(?!\d)")
"""How the name of a photograph begins that is named by one of the catalogues."""


def read_constellations(source: Path) -> dict[str, Split]:
    """The drawing of each constellation that a culture's table names."""
    cultures: dict[Path, str] = {}
    for folder, label in CULTURES.items():
        lines = (source / folder / "constellationsart.fab").read_text(encoding="utf-8", errors="replace").splitlines()
        words = (line.split() for line in lines if not line.startswith("#"))
        cultures |= {Path(folder, each[1]): label for each in words if len(each) > 1}
    return {"train": Split(list(cultures), list(cultures.values()))}


def read_deep_sky(source: Path) -> dict[str, Split]:
    """The photographs of which the catalogue knows the type.

    Raises:
        PipelineError: if the catalogue is another one than was tested.
    """
    types = read_catalogue(checked(PACKAGE, source / "catalog.dat", CATALOGUE_SHA256))
    kinds: dict[Path, str] = {}
    for path in sorted(source.glob("*.png"), key=os.fsencode):
        name = DESIGNATION.match(path.stem)
        kind = KINDS.get(types.get((name[1], int(name[2])), -1)) if name else None
        if kind:
            kinds[path.relative_to(source)] = kind
    return {"train": Split(list(kinds), list(kinds.values()))}


ENTRIES = (
    Dataset(
        name="stellarium-constellations",
        title="constellations as 15 cultures draw them, from Stellarium",
        source=PACKAGE.place("/usr/share/stellarium/skycultures"),
        licence="of each culture: GPL-2, Free Art or Creative Commons",
        sizes={"train": 453},
        reader=read_constellations,
        files=tuple(f"{folder}/constellationsart.fab" for folder in CULTURES),
        package=PACKAGE,
    ),
    Dataset(
        name="stellarium-deep-sky",
        title="photographs of galaxies, clusters and nebulae from Stellarium, 5 kinds",
        source=PACKAGE.place("/usr/share/stellarium/nebulae/default"),
        licence="GPL-2+ and Creative Commons",
        sizes={"train": 488},
        reader=read_deep_sky,
        files=("catalog.dat",),
        package=PACKAGE,
    ),
)
