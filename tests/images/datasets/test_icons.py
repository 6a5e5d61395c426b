"""Icons and symbols, on small trees of their packages' layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.images.datasets.icons import CONTEXTS, MATE_CONTEXTS, SHEETS, VENDORS
from tests.images.datasets.files import small, write_photo


@pytest.mark.parametrize(("name", "contexts"), [("mate-icons", MATE_CONTEXTS), ("oxygen-icons", CONTEXTS)])
def test_a_theme_is_read_without_second_names_and_later_frames(
    name: str, contexts: dict[str, str], tmp_path: Path
) -> None:
    """Guards against a link whose context is not its picture's, and a cluster that is one animation."""
    for context in contexts:
        write_photo(tmp_path / context / "one.png")
    (tmp_path / "actions" / "another.png").symlink_to("../status/one.png")
    for frame in ("01", "02", "14"):
        write_photo(tmp_path / "status" / f"nm-vpn-connecting{frame}.png")
    write_photo(tmp_path / "animations" / "process-working.png")
    split = small(name, tmp_path, {"train": len(contexts) + 1}).read()["train"]
    assert Path("status/nm-vpn-connecting01.png") in split.pictures
    assert split.labels is not None
    assert set(split.labels) == set(contexts.values())


def test_each_sheet_of_symbols_is_a_class(tmp_path: Path) -> None:
    for sheet in (*SHEETS, "Misc", "Map"):
        write_photo(tmp_path / sheet / "one.png")
    split = small("dia-shapes", tmp_path, {"train": len(SHEETS)}).read()["train"]
    assert split.labels == list(SHEETS)


def test_the_white_twins_of_icons_are_left_out(tmp_path: Path) -> None:
    for vendor in (*VENDORS, "onprem"):
        write_photo(tmp_path / vendor / "compute" / "vm.png")
        write_photo(tmp_path / vendor / "compute" / "vm-white.png")
    split = small("diagrams", tmp_path, {"train": 11}).read()["train"]
    assert split.labels == list(VENDORS.values())
