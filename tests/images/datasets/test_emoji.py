"""The emoji of the vendors, on small trees of their packages' layout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.entry import Split
from pipeline.images.datasets.registry import DATASETS
from tests.images.datasets.files import small, write_cut_out


def write_emoji(root: Path, table: object, vendor: str = "google") -> Path:
    write_cut_out(root / "img" / vendor / "64" / "1f600.png")
    write_cut_out(root / "img" / vendor / "64" / "1f41d.png")
    (root / "emoji.json").write_text(json.dumps(table))
    return root


@pytest.mark.parametrize(("name", "vendor"), [("emoji", "google"), ("emoji-twitter", "twitter")])
def test_emoji_are_read_with_their_groups(name: str, vendor: str, tmp_path: Path) -> None:
    table = [
        {"image": "1f600.png", "category": "Smileys & Emotion", "subcategory": "face-smiling"},
        {"image": "1f3fb.png", "category": "Component", "subcategory": "skin-tone"},
        {"image": "1f41d.png", "category": "Animals & Nature", "subcategory": "animal-bug"},
    ]
    splits = small(name, write_emoji(tmp_path, table, vendor), {"train": 2}).read()
    pictures = [Path(f"img/{vendor}/64/1f600.png"), Path(f"img/{vendor}/64/1f41d.png")]
    assert splits == {"train": Split(pictures, ["Smileys & Emotion", "Animals & Nature"])}


@pytest.mark.parametrize("table", [{}, [1], [{"category": "Flags"}], {"a": 1}, None])
def test_a_table_that_is_none_of_emoji_ends_in_one_line(table: object, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"(emoji\.json|): expected .*; run 'npm install ") as error:
        replace(DATASETS["emoji"], source=str(write_emoji(tmp_path, table))).read()
    assert "\n" not in str(error.value)
