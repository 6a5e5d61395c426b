"""Where a collection's pictures are now: they and their result may have been moved since, together or apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.collection.result import Collection
from pipeline.collection.undo import UNDO, check_one, root_of
from pipeline.images.listing import LIST_NAME, ImageRecord
from pipeline.images.sources import absolute


def find_root(collection: Collection, records: Sequence[ImageRecord], pictures: Path | None = None) -> Path:
    """The folder that the ids of a collection's pictures start at.

    Where all pictures are, or else the most: on the way to them from the result, as it was when they were clustered,
    or where they were then. Who says where they are is believed.

    Args:
        collection: a clustered one.
        records: its list, of pictures.
        pictures: the folder that somebody named.

    Raises:
        PipelineError: if that is no folder, or the list names pictures of several folders, or by other names.
    """
    if pictures is not None:
        if not pictures.is_dir():
            raise PipelineError(f"--pictures {pictures}: expected the folder where the pictures are now, found none")
        return absolute(pictures)
    where = collection.images / LIST_NAME
    roots = {root_of(record.path, record.id, where) for record in records}
    check_one(roots, where)
    (listed,) = roots
    beside = collection.root_beside()
    if beside is None or beside == listed:
        return listed
    missing = [(root, len(gone(root, records))) for root in (beside, listed)]
    root, count = min(missing, key=lambda each: each[1])
    return root if count < len(records) else listed


def gone(root: Path, records: Sequence[ImageRecord]) -> list[Path]:
    """The pictures that are not below a folder."""
    return [path for record in records if not os.path.isfile(path := root / record.id)]


def gone_error(paths: Sequence[Path]) -> PipelineError:
    """The error for pictures that are not where they are looked for."""
    more = f" (and {len(paths) - 1:,} more)" if len(paths) > 1 else ""
    return PipelineError(
        f"{paths[0]}{more}: is gone; give the folder where the pictures are now with --pictures, or run 'pipeline "
        "cluster' again if they are deleted, or, after an export with --how move, bring them back with pipeline "
        f"export --undo FOLDER/{UNDO}; nothing was changed"
    )
