"""collect: folders, files, patterns and lists -> the list of the pictures, and what was left out and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.collection.request import FEWEST
from pipeline.collection.result import SPLIT, Collection
from pipeline.images.examination import REJECTED, REJECTED_COLUMNS, Rejected, examine
from pipeline.images.listing import LIST_NAME, ImageRecord, read_list, write_list
from pipeline.images.skipping import said
from pipeline.images.sources import VECTOR_SUFFIXES, Sources


@dataclass(frozen=True)
class Collected:
    """What was found."""

    root: Path
    """The folder that the pictures' paths start at."""
    images: int
    rejected: int
    in_part: int
    """Pictures that are cut off or damaged, and used all the same."""
    list: Path
    """With a remark on each."""
    skipped: str = ""
    """What was passed over unseen, for people."""

    def line(self) -> str:
        """The summary for people."""
        left_out = f"{self.rejected:,} files left out, see {REJECTED}" if self.rejected else ""
        in_part = f"{self.in_part:,} used in part, see {self.list}" if self.in_part else ""
        return "; ".join(filter(None, (f"{self.images:,} pictures in {self.root}", left_out, in_part, self.skipped)))


def collect(
    found: Sources,
    collection: Collection,
    replace: bool,
    fewest: int,
    seen: Callable[[str, Image.Image], None] | None = None,
) -> Collected:
    """Looks at every file once, and writes the image list, the thumbnails and `rejected.csv`.

    Args:
        found: the files of folders, patterns, lists; none of them lies in the collection's folder.
        collection: where to write.
        replace: see `Collection.claim`.
        fewest: how many pictures there must be.
        seen: see `examine`.

    Raises:
        PipelineError: if fewer files are pictures; an earlier result then stays as it is.
    """
    collection.claim(found.named, found.root, replace)
    looked = examine(found.root, found.paths, SPLIT, collection.thumbnails, _known(collection), seen=seen)
    records = [record for record in looked if isinstance(record, ImageRecord)]
    rejected = [record for record in looked if isinstance(record, Rejected)]
    if records:
        check_count(len(records), fewest)
    write_table(collection.folder / REJECTED, REJECTED_COLUMNS, rejected)
    if not records:
        path, reason = rejected[0]
        raise PipelineError(
            f"{found.root}: expected pictures, found none among {len(rejected):,} files ({path}: {reason}); "
            f"see {collection.folder / REJECTED}; embeddings go in {', '.join(VECTOR_SUFFIXES)}"
        )
    write_list(collection.images, records)
    in_part = sum(bool(record.remark) for record in records)
    where = collection.images.relative_to(collection.folder) / LIST_NAME
    return Collected(found.root, len(records), len(rejected), in_part, where, said(found.skipped))


def _known(collection: Collection) -> dict[str, str]:
    """What an earlier run says of pictures of eight bits: their remarks, by their digests."""
    try:
        return {record.digest: record.remark for record in read_list(collection.images) if not record.range}
    except PipelineError:
        return {}


def without_lost(found: Collected, collection: Collection, lost: str, fewest: int) -> tuple[Collected, list[Rejected]]:
    """Takes the pictures out of the list that went away since it was made, each with its reason into `rejected.csv`.

    Args:
        found: what was collected.
        collection: where the list is.
        lost: the id of a picture that could not be read; others that are gone go with it.
        fewest: how many pictures there must be.

    Returns:
        what is left, and what was taken out.

    Raises:
        PipelineError: if fewer are left.
    """
    records = read_list(collection.images)
    kept = [record for record in records if record.id != lost and os.path.isfile(record.path)]
    there = {record.id for record in kept}
    gone = [Path(record.id) for record in records if record.id not in there]
    looked = zip(gone, examine(found.root, gone, SPLIT), strict=True)
    rejected = [
        each if isinstance(each, Rejected) else Rejected(path.as_posix(), "could not be read for a moment")
        for path, each in looked
    ]
    check_count(len(kept), fewest)
    path = collection.folder / REJECTED
    known = [Rejected(*row.values()) for row in read_table(path, REJECTED_COLUMNS, "pipeline cluster")]
    every = sorted([*known, *rejected], key=lambda each: os.fsencode(each.path))
    write_table(path, REJECTED_COLUMNS, every)
    write_list(collection.images, kept)
    in_part = sum(bool(record.remark) for record in kept)
    return replace(found, images=len(kept), rejected=len(every), in_part=in_part), rejected


def check_count(found: int, fewest: int) -> None:
    """Refuses fewer pictures, or embeddings, than there are to be clusters, of which there are two at least.

    Raises:
        PipelineError: if there are fewer.
    """
    if found < fewest <= FEWEST:
        raise PipelineError(f"expected at least {FEWEST} pictures, found {found}; give more")
    if found < fewest:
        raise PipelineError(
            f"expected at least as many pictures as clusters, found {found} for {fewest}; give a smaller -k, or more "
            "pictures"
        )
