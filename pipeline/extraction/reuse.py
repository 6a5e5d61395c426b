"""Embeddings that a cache holds already, whatever their pictures were called and wherever they stood: by content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.config.paths import extract_command
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.plan import MARK, Copies, Planned
from pipeline.extraction.views import View, draw
from pipeline.features.shards import DTYPE, Origin
from pipeline.features.unlisted import read_unlisted
from pipeline.images.listing import ImageRecord


@dataclass(frozen=True)
class Holder:
    """A whole shard of the cache, from which rows can be copied."""

    file: str
    origin: Origin
    width: int
    """Embeddings of a row."""


def holders(features: Path, files: Iterable[str], dim: int) -> list[Holder]:
    """Those of the files that are whole shards of so long embeddings, by their own word; read one at a time."""
    found = []
    for file in sorted(files):
        read = read_unlisted(features / file)
        if read is not None and read[1].shape[2] == dim:
            origin, views = read
            found.append(Holder(file, origin, views.shape[1]))
    return found


def with_copies(planned: Sequence[Planned], there: Iterable[Holder], settings: ExtractSettings) -> list[Planned]:
    """Planned shards, with what of them can be copied.

    A row of fewer views than are wanted is copied as well: its views are the first ones, and the others alone are
    computed.
    """
    width = 1 + settings.views
    there = [holder for holder in there if planned and holder.origin.recipe == planned[0].recipe]
    if not there:
        return list(planned)
    wanted = {record.key for shard in planned for record in shard.records} - {""}
    places: dict[str, tuple[Holder, int]] = {}
    for holder in sorted(there, key=lambda each: (min(each.width, width), each.file)):
        for row, key in enumerate(holder.origin.keys):
            if key in wanted:
                places[key] = holder, row
    return [_with_copies(shard, places, settings) for shard in planned]


def _with_copies(shard: Planned, places: dict[str, tuple[Holder, int]], settings: ExtractSettings) -> Planned:
    width = 1 + settings.views
    copied: dict[tuple[str, int], list[tuple[int, int]]] = {}
    todo = []
    for row, record in enumerate(shard.records):
        known = 0
        if record.key in places:
            holder, place = places[record.key]
            known = min(holder.width, width)
            copied.setdefault((holder.file, known), []).append((row, place))
        if known < width and len(_repeats(record, known, settings)) < width - known:
            todo.append(row)
    copies = [Copies(file, known, *zip(*pairs, strict=True)) for (file, known), pairs in copied.items()]
    return replace(shard, copies=copies, rows=todo)


def _repeats(record: ImageRecord, known: int, settings: ExtractSettings) -> dict[int, int]:
    """Views from index `known` on that show what one before it shows, with the index of that."""
    if not known:
        return {}
    first: dict[View, int] = {}
    drawn = [draw(settings.augmentation, settings.seed, record.source, index) for index in range(1 + settings.views)]
    for index, view in enumerate(drawn):
        first.setdefault(view, index)
    return {index: first[view] for index, view in enumerate(drawn) if index >= known > first[view]}


def joined(features: Path, shard: Planned, computed: np.ndarray, settings: ExtractSettings) -> np.ndarray:
    """All embeddings of a shard: those that were computed, and copies of the others.

    Args:
        features: the cache.
        shard: the planned one.
        computed: float16 (rows to do, 1 + views, dim); of a row that is copied in part, the rest counts.
        settings: for the views.

    Raises:
        PipelineError: if a shard to copy from is gone or damaged since it was looked at.
    """
    if not shard.copies:
        return computed
    result = np.empty((len(shard.records), *computed.shape[1:]), DTYPE)
    result[list(shard.todo)] = computed
    for copies in shard.copies:
        read = read_unlisted(features / copies.file)
        if read is None:
            raise PipelineError(
                f"{features / copies.file}: gone or damaged since it was looked at; run "
                f"'{extract_command(features)}', which keeps the other shards"
            )
        result[list(copies.rows), : copies.width] = read[1][list(copies.places), : copies.width]
        for row in copies.rows if copies.width < result.shape[1] else ():
            for index, first in _repeats(shard.records[row], copies.width, settings).items():
                result[row, index] = result[row, first]
    return result


class Outdated:
    """The shards of a cache that are none of the plan: each goes when its rows are copied and its place is taken.

    So the cache is never much larger than before or after, and a run that is killed loses no row.
    """

    def __init__(self, features: Path, files: Iterable[str], missing: Sequence[Planned]) -> None:
        self.features = features
        self.awaited = {file: set[str]() for file in files}
        """The shards to be that each of them waits for."""
        by_place: dict[str, list[str]] = {}
        for file in self.awaited:
            by_place.setdefault(_place(file), []).append(file)
        for shard in missing:
            for file in (*by_place.get(_place(shard.file), ()), *(copies.file for copies in shard.copies)):
                if file in self.awaited:
                    self.awaited[file].add(shard.file)

    def written(self, file: str) -> None:
        """Removes those that waited for this shard alone."""
        for old, awaited in self.awaited.items():
            if file in awaited:
                awaited.remove(file)
                if not awaited:
                    (self.features / old).unlink(missing_ok=True)


ENDS = re.compile(rf"(-[0-9a-f]{{{MARK}}})?\.h5$")
"""What follows the split and the number of a shard in its name; earlier versions wrote no fingerprint there."""


def is_older(file: str) -> bool:
    """Whether an earlier version wrote a shard, whose views were drawn from ids."""
    return bool(re.search(r"-\d{5,7}\.h5$", file))


def _place(file: str) -> str:
    """The split and the number of a shard in its name."""
    return ENDS.sub("", file)
