"""A new run and the last one: which pictures are the same, and which clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.text import printable
from pipeline.collection.numbers import Numbers
from pipeline.heads.predictions import numbers_of, whole

COLUMNS = ("path", "digest", "cluster")
LEAST_SHARED = 0.5
"""Two clusters are the same where they share at least so much of the smaller one (ours)."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run, or the embeddings."""

    paths: Sequence[str]
    digests: Sequence[str]
    clusters: np.ndarray
    """int (n,): the lasting number that the head gave each, before anybody corrected it."""

    @property
    def texts(self) -> list[str]:
        """The paths as a file of edits has them."""
        return [printable(path) for path in self.paths]


def write_pictures(path: Path, pictures: Pictures) -> None:
    """Writes what the next run is matched to."""
    write_table(path, COLUMNS, zip(pictures.paths, pictures.digests, pictures.clusters.tolist(), strict=True))


def read_pictures(path: Path) -> Pictures | None:
    """Reads what the last run left; None: there was none.

    Raises:
        PipelineError: if the table is damaged.
    """
    if not path.exists():
        return None
    again = "pipeline cluster"
    rows = read_table(path, COLUMNS, again)
    with numbers_of(path, again):
        clusters = np.array([whole(row["cluster"]) for row in rows], dtype=np.int64)
    return Pictures([row["path"] for row in rows], [row["digest"] for row in rows], clusters)


def common(before: Pictures, now: Pictures) -> np.ndarray:
    """The row before of each picture now, int (n,); -1: it is new.

    A picture is the same where path and content are, else by its content alone (it was renamed), else by its path alone
    (it was changed). Each row is taken once.
    """
    found = np.full(len(now.paths), -1, dtype=np.int64)
    taken = np.zeros(len(before.paths), dtype=bool)
    keys: tuple[Callable[[Pictures, int], Hashable], ...] = (
        lambda run, row: (run.paths[row], run.digests[row]),
        lambda run, row: run.digests[row] or None,
        lambda run, row: run.paths[row],
    )
    for key in keys:
        free: dict[Hashable, list[int]] = defaultdict(list)
        for row in np.flatnonzero(~taken)[::-1].tolist():
            free[key(before, row)].append(row)
        for row in np.flatnonzero(found < 0).tolist():
            wanted = key(now, row)
            if wanted is not None and free.get(wanted):
                found[row] = free[wanted].pop()
                taken[found[row]] = True
    return found


def matched(last: Numbers, before: np.ndarray, outputs: np.ndarray, pairs: np.ndarray, count: int) -> Numbers:
    """The numbers of a new head's outputs: those of the last run's clusters as far as they are the same.

    Clusters are paired so that they share the most pictures (Kuhn, Naval Research Logistics 1955), and a pair that
    shares less than `LEAST_SHARED` of the smaller one is none. An output without a picture takes over the number of one
    without, so that nothing changes where nothing did.

    Args:
        last: the numbers of the last run.
        before: int (m,), its numbers, a picture each.
        outputs: int (n,), the head's output for each picture now.
        pairs: int (n,), see `common`.
        count: the number of outputs.
    """
    shared = np.zeros((count, len(last.numbers)), dtype=np.int64)
    place = {number: column for column, number in enumerate(last.numbers)}
    both = np.flatnonzero(pairs >= 0)
    columns = np.array([place.get(number, -1) for number in before[pairs[both]].tolist()], dtype=np.int64)
    np.add.at(shared, (outputs[both][columns >= 0], columns[columns >= 0]), 1)
    smaller = np.minimum(shared.sum(1)[:, None], shared.sum(0)[None])
    numbers: list[int | None] = [None] * count
    for row, column in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        if shared[row, column] and shared[row, column] >= LEAST_SHARED * smaller[row, column]:
            numbers[row] = last.numbers[column]
    used = set(before.tolist())
    empty = [number for number in last.numbers if number not in used]
    there = set(outputs.tolist())
    after = last.next
    for row in range(count):
        if numbers[row] is None and row not in there and empty:
            numbers[row] = empty.pop(0)
        elif numbers[row] is None:
            numbers[row], after = after, after + 1
    return replace(last, numbers=tuple(number for number in numbers if number is not None), next=after)
