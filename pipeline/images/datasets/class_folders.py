"""Reads packages whose folders say what is in their pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.images.datasets.entry import Split
from pipeline.images.datasets.folders import pictures_below


def read_class_folders(
    source: Path,
    classes: Mapping[str, str],
    keep: Callable[[Path], bool] = lambda path: True,
    name: Callable[[Path], str] | None = None,
) -> dict[str, Split]:
    """The pictures of some folders with all below them, folder by folder, each in the order of their names' bytes.

    Of pictures that are the same bytes the first is taken: packages have one under several names.

    Args:
        source: the folder that the others are in.
        classes: folder -> class of its pictures.
        keep: whether a picture, by its absolute path, is one of the data set.
        name: the class of a picture, by its path relative to the source, where its folder does not say it.
    """
    pictures: list[Path] = []
    labels: list[str] = []
    seen: set[bytes] = set()
    for folder, label in classes.items():
        for path in pictures_below(source / folder, source):
            if not keep(source / path):
                continue
            content = hashlib.sha256((source / path).read_bytes()).digest()
            if content not in seen:
                seen.add(content)
                pictures.append(path)
                labels.append(name(path) if name else label)
    return {"train": Split(pictures, labels)}
