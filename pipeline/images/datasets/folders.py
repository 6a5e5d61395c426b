"""Reads folders of pictures, whose names may tell splits and classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote
from pipeline.base.remote import names_below
from pipeline.images.datasets.entry import Split
from pipeline.images.skipping import Skip, prefixes
from pipeline.images.sources import MARK, NOTHING_MORE, TAG, files_below

PICTURE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def pictures_below(folder: Path, source: Path, skip: Skip = NOTHING_MORE) -> list[Path]:
    """All picture files below a folder, by their names, relative to `source` and in the order of their bytes.

    Folders that cannot be listed are among them: there may be pictures inside, and opening them says what is wrong.
    What `skip` says is not.
    """
    if is_remote(folder):
        names = map(Path, names_below(folder, (TAG, MARK)))
        pictures = (path for path in names if path.suffix.lower() in PICTURE_SUFFIXES)
        found = [path for path in pictures if not any(skip.reason(part, inside) for _, part, inside in prefixes(path))]
    else:
        files = files_below(folder, skip=skip)
        pictures = (path for path in files if path.suffix.lower() in PICTURE_SUFFIXES or path.is_dir())
        found = [path.relative_to(source) for path in pictures]
    return sorted(found, key=os.fsencode)


def read_folder(source: Path, exclude: Sequence[str] = ()) -> dict[str, Split]:
    """All pictures below a folder.

    Where they all lie in its subfolders train and test (or val), these are the splits; otherwise all are train. Where
    every picture of every split lies in one of at least two class folders right below the split, the folders' names
    are the labels. A folder that cannot be listed stands for its pictures; as a class it has at least its name.

    Args:
        source: the folder.
        exclude: patterns of what to pass over in it, beside what systems leave; see `Skip`.

    Raises:
        PipelineError: if there is no such folder, or no picture in it.
    """
    if not source.is_dir():
        what = "a file" if source.exists() else "nothing"
        raise PipelineError(f"{source}: expected a folder of pictures, found {what}; check datasets in params.yaml")
    files = pictures_below(source, source, Skip(tuple(exclude)))
    if not files:
        raise PipelineError(
            f"{source}: expected pictures ({' '.join(sorted(PICTURE_SUFFIXES))}), found none in it or below"
        )
    tops = {_folder_of(path, source) for path in files}
    held_out = next((name for name in ("test", "val") if tops == {"train", name}), None)
    roots = {"train": Path("train"), "test": Path(held_out)} if held_out else {"train": Path()}
    members = {
        split: [path.relative_to(root) for path in files if path.is_relative_to(root)] for split, root in roots.items()
    }
    labels = {split: [_folder_of(path, source / roots[split]) for path in inside] for split, inside in members.items()}
    # A split that cannot be listed is in no class, and its row gets no label, as it is no picture.
    classes = {
        label
        for split, inside in members.items()
        for label, path in zip(labels[split], inside, strict=True)
        if path.parts
    }
    labelled = len(classes) > 1 and "" not in classes
    return {
        split: Split([roots[split] / path for path in inside], labels[split] if labelled else None)
        for split, inside in members.items()
    }


def _folder_of(path: Path, root: Path) -> str:
    """The folder right below the root that a path lies in, or that it is; "" for a file right below, or the root."""
    return path.parts[0] if len(path.parts) > 1 or (path.parts and (root / path).is_dir()) else ""
