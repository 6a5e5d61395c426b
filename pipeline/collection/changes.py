"""What changed since the last run: which pictures are new, gone, renamed, or in another cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.collection.edits import Action
from pipeline.collection.effects import applied_to
from pipeline.collection.matching import Pictures

COLUMNS = ("path", "change", "before", "now")
KINDS = ("new", "gone", "renamed", "moved")
"""In the order in which they are told."""


@dataclass(frozen=True)
class Changes:
    """The rows of changes.csv."""

    rows: list[tuple[str, str, str | int, str | int]]
    """In the columns `COLUMNS`: of a new or a moved picture the clusters, of a renamed one the paths."""

    def counts(self) -> dict[str, int] | None:
        """How many there are of each kind, for the page; None: nothing changed."""
        found = Counter(change for _, change, _, _ in self.rows)
        return {kind: found[kind] for kind in ("new", "gone", "moved", "renamed")} if found else None

    def line(self) -> str:
        """The counts for people; empty: nothing changed."""
        counts = self.counts() or {}
        return ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts.get(kind))


def changes(before: Pictures, now: Pictures, pairs: np.ndarray, actions: Sequence[Action]) -> Changes:
    """Compares two runs as people see them: the same corrections are applied to both, so these count as no change.

    Args:
        before: the last run.
        now: this run.
        pairs: the row before of each picture now, or -1.
        actions: of edits.json.
    """
    was, is_now = (applied_to(run, actions).clusters for run in (before, now))
    rows: list[tuple[str, str, str | int, str | int]] = []
    for row, (path, cluster) in enumerate(zip(now.paths, is_now, strict=True)):
        other = int(pairs[row])
        if other < 0:
            rows.append((path, "new", "", _told(cluster)))
            continue
        if before.paths[other] != path:
            rows.append((path, "renamed", before.paths[other], path))
        if was[other] != cluster:
            rows.append((path, "moved", _told(was[other]), _told(cluster)))
    gone = np.setdiff1d(np.arange(len(before.paths)), pairs)
    rows += [(before.paths[row], "gone", _told(was[row]), "") for row in gone.tolist()]
    return Changes(rows)


def _told(cluster: int | None) -> str | int:
    return "aside" if cluster is None else cluster


def write_changes(path: Path, found: Changes) -> None:
    """Writes changes.csv."""
    write_table(path, COLUMNS, found.rows)


def read_changes(path: Path) -> Changes:
    """What changes.csv says, for the page; nothing where it is missing or damaged, which harms nobody."""
    try:
        rows = read_table(path, COLUMNS, "pipeline cluster")
    except PipelineError:
        return Changes([])
    return Changes([(row["path"], row["change"], row["before"], row["now"]) for row in rows])
