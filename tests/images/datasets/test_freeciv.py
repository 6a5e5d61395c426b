"""The flags of Freeciv's nations, on small tables of the package's format."""

from __future__ import annotations

from pathlib import Path

from pipeline.images.datasets.entry import Split
from tests.images.datasets.files import small, write_photo

NATIONS = {
    "abkhaz": ("abkhazia", '"Asian", "European", "Modern"'),
    "boer": ("transvaal", '"African", "Modern"'),
    "dutch": ("netherlands", '"European", "Modern", "Core"'),
    "frisian": ("netherlands", '"African"'),
    "martian": ("mars", '"Imaginary"'),
}


def test_a_flag_has_the_one_continent_of_its_nation(tmp_path: Path) -> None:
    (tmp_path / "nation").mkdir()
    for name, (flag, groups) in NATIONS.items():
        text = f'[nation_{name}]\n\nname=_("{name}")\ngroups={groups}\n\nflag="{flag}"\nflag_alt = "-"\n'
        (tmp_path / "nation" / f"{name}.ruleset").write_text(text)
    (tmp_path / "nation" / "odd.ruleset").write_bytes(b"\xff no table")
    write_photo(tmp_path / "flags" / "netherlands-large.png")
    splits = small("freeciv-flags", tmp_path, {"train": 2}).read()
    pictures = [Path("flags/transvaal-large.png"), Path("flags/netherlands-large.png")]
    assert splits == {"train": Split(pictures, ["Africa", "Europe"])}
