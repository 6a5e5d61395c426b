"""Google's Noto emoji, from npm: reader and entry."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package

PACKAGE = Package("npm", "emoji-datasource-google", "16.0.0")


def read_emoji(source: Path) -> dict[str, Split]:
    """Google's Noto emoji of 64 pixels, by Unicode's groups; its five skin tones are no pictures of their own.

    Raises:
        PipelineError: if the table of the emoji is not one.
    """
    path = source / "emoji.json"
    try:
        table = [entry for entry in json.loads(path.read_bytes()) if entry["category"] != "Component"]
        pictures = [Path("img/google/64", entry["image"]) for entry in table]
        return {"train": Split(pictures, [entry["category"] for entry in table])}
    except (ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{path}: expected a list of emoji with image and category, found something else "
            f"({type(error).__name__}: {error}); run '{PACKAGE.install}'"
        ) from None


ENTRIES = (
    Dataset(
        name="emoji",
        title="Google's Noto emoji, Unicode's 9 groups",
        source=PACKAGE.place(""),
        licence="Apache-2.0",
        sizes={"train": 1_906},
        reader=read_emoji,
        files=("emoji.json", "img/google/64"),
        package=PACKAGE,
    ),
)
