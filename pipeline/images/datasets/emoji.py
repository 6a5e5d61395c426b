"""The emoji of two vendors, Google and Twitter, from npm: reader and entries."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package


def package_of(vendor: str) -> Package:
    """The package with a vendor's emoji; all vendors' have one table."""
    return Package("npm", f"emoji-datasource-{vendor}", "16.0.0")


def folder_of(vendor: str) -> str:
    """Where the pictures of 64 pixels are in a vendor's package."""
    return f"img/{vendor}/64"


def read_emoji(source: Path, vendor: str) -> dict[str, Split]:
    """A vendor's emoji of 64 pixels, by Unicode's groups; the five skin tones are no pictures of their own.

    Raises:
        PipelineError: if the table of the emoji is not one.
    """
    path = source / "emoji.json"
    try:
        table = [entry for entry in json.loads(path.read_bytes()) if entry["category"] != "Component"]
        pictures = [Path(folder_of(vendor), entry["image"]) for entry in table]
        return {"train": Split(pictures, [entry["category"] for entry in table])}
    except (ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{path}: expected a list of emoji with image and category, found something else "
            f"({type(error).__name__}: {error}); run '{package_of(vendor).install}'"
        ) from None


def entry(name: str, vendor: str, title: str, licence: str) -> Dataset:
    """A vendor's emoji as a data set."""
    package = package_of(vendor)
    return Dataset(
        name=name,
        title=title,
        source=package.place(""),
        licence=licence,
        sizes={"train": 1_906},
        reader=partial(read_emoji, vendor=vendor),
        files=("emoji.json", folder_of(vendor)),
        package=package,
    )


ENTRIES = (
    entry("emoji", "google", "Google's Noto emoji, Unicode's 9 groups", "Apache-2.0"),
    entry("emoji-twitter", "twitter", "Twitter's Twemoji, Unicode's 9 groups", "CC BY 4.0"),
)
