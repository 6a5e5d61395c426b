"""The portraits and units of Battle for Wesnoth, on a small tree of the package's layout."""

from __future__ import annotations

from pathlib import Path

from pipeline.images.datasets.entry import Split
from pipeline.images.datasets.wesnoth import PEOPLES
from tests.images.datasets.files import small, write_photo

ARCHER = """#textdomain wesnoth-units
[unit_type]
    id=Elvish Archer
    race=elf
    image="units/elves-wood/archer.png"
    profile="portraits/elves/archer.png"
    [attack_anim]
        [frame]
            image="units/elves-wood/archer-bow.png:65"
        [/frame]
    [/attack_anim]
[/unit_type]
"""
GHOST = "[unit_type]\n    race=undead\n    image=units/undead/ghost.png~O(70%)\n[/unit_type]\n"
BAT = '[unit_type]\n    race=bats\n    image="units/monsters/bat.png"\n[/unit_type]\n'
CORPSE = (
    "#define CORPSE BASE_NAME\n[unit_type]\n    race=undead\n"
    '    image="units/undead/{BASE_NAME}.png"\n        image="units/undead/soulless-frame.png"\n'
)
VARIATION = ARCHER.replace("race=elf", "race=human")


def test_portraits_are_read_from_their_folders(tmp_path: Path) -> None:
    for folder in (*PEOPLES, "images/portraits/woses"):
        write_photo(tmp_path / folder / "one.png")
    split = small("wesnoth-portraits", tmp_path, {"train": 11}).read()["train"]
    assert split.labels == list(PEOPLES.values())


def test_each_unit_is_read_as_its_table_says_that_it_stands(tmp_path: Path) -> None:
    """Guards against the frames of an animation, which are ten times as many."""
    write_photo(tmp_path / "images" / "units" / "elves-wood" / "archer-bow.png")
    tables = {"elves/Archer": ARCHER, "undead/Ghost": GHOST, "bats/Bat": BAT, "undead/Corpse": CORPSE, "x": VARIATION}
    for name, text in tables.items():
        path = tmp_path / "units" / f"{name}.cfg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    splits = small("wesnoth-units", tmp_path, {"train": 2}).read()
    pictures = [Path("images/units/elves-wood/archer.png"), Path("images/units/undead/ghost.png")]
    assert splits == {"train": Split(pictures, ["elf", "undead"])}
