"""The landscapes and outfits of Endless Sky, on small files of the package's formats."""

from __future__ import annotations

from pathlib import Path

from pipeline.images.datasets.entry import Split
from tests.images.datasets.files import small, write_photo

TABLE = """# Copyright (c) 2014
effect "blaster impact"
\tsprite "effect/blaster impact"

outfit "Energy Blaster"
\tcategory "Guns"
\tcost 1700
\tthumbnail "outfit/blaster"
\tweapon
\t\tsprite "projectile/blaster"

\tdescription "A blaster."

outfit Scanner
\tcategory Systems
\tthumbnail outfit/scanner

outfit "Twin Blaster"
\tcategory "Guns"
\tthumbnail "outfit/gone"

outfit "Intruder Countermeasures"
\tcategory "Hand to Hand"
\tthumbnail "outfit/rifle"

ship "Sparrow"
\tthumbnail "outfit/rifle"
\tattributes
\t\tcategory "Interceptor"
"""


def test_landscapes_are_what_their_names_say(tmp_path: Path) -> None:
    names = ("canyon12", "dune6-harro", "badlands0", "nasa3", "myrabella1", "earthrise", "fields4-sfiera")
    for name in names:
        write_photo(tmp_path / "images" / "land" / f"{name}.jpg")
    split = small("endless-sky-landscapes", tmp_path, {"train": 4}).read()["train"]
    labels = dict(zip((Path(path).stem for path in split.pictures), split.labels or (), strict=True))
    assert labels == {"badlands0": "desert", "canyon12": "canyon", "dune6-harro": "desert", "fields4-sfiera": "field"}


def test_outfits_have_the_categories_of_the_tables(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "outfits.txt").write_text(TABLE)
    for name in ("blaster", "scanner", "rifle"):
        write_photo(tmp_path / "images" / "outfit" / f"{name}.png")
    splits = small("endless-sky-outfits", tmp_path, {"train": 2}).read()
    pictures = [Path("images/outfit/blaster.png"), Path("images/outfit/scanner.png")]
    assert splits == {"train": Split(pictures, ["gun", "system"])}
