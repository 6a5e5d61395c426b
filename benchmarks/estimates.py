"""The estimate of the number of clusters on the labelled sets of docs/benchmark.md and on subsets of their classes.

    uv run python -m benchmarks.estimates --role development
    uv run python -m benchmarks.estimates --role sealed --sealed-once

Beside the recommendation stands the one before it: the communities alone, their evidence as clear as the counts of nine
in ten of the partitions lie close together. A set is embedded as by `benchmarks.collections`. Labels make the subsets,
and no estimate sees one. Below data/benchmarks lie, for each role, estimates-ROLE.csv (every case) and
estimates-ROLE.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.collections import OUT, chosen, opened, sets_parser
from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.base.text import markdown_table
from pipeline.cli.settings import Settings, read_params
from pipeline.collection.criteria import Criterion
from pipeline.collection.estimate import CLEAR, FAIR, WEAK, Estimate, recommended
from pipeline.config.params import DEFAULTS

COUNTS = (3, 4, 5, 6, 8, 10, 12)
"""Classes of the subsets, where a set has more."""
EVEN_COUNTS = (3, 5, 8)
"""Those that are tried with even classes too."""
FEWEST = 15
"""Pictures of a class in a subset of even classes."""
UNEVEN = 1.5
"""And by how much the largest class is to exceed the smallest: others are even as they are."""
SEED = 5
CLOSE = 1
"""What counts as close to the number of classes."""
BEFORE, NOW = "before", "now"


@dataclass(frozen=True)
class Case:
    """A set, or some of its classes, and the two estimates."""

    dataset: str
    kind: str
    """``whole``, ``classes`` (some, as they are) or ``even`` (some, with as many pictures each)."""
    classes: int
    pictures: int
    answers: dict[str, tuple[int, int, int, str]]
    """By the rule: the number, its range, and the evidence."""

    def off(self, rule: str) -> int:
        """By how much the rule is off."""
        return self.answers[rule][0] - self.classes


def subsets(classes: np.ndarray) -> Iterator[tuple[str, int, np.ndarray]]:
    """What kind, how many classes, and which rows, int.

    Args:
        classes: int (n,), from 0 without a gap.
    """
    sizes = np.bincount(classes)
    yield "whole", len(sizes), np.arange(len(classes))
    for count in (count for count in COUNTS if count < len(sizes)):
        rng = np.random.default_rng([SEED, count])
        some = rng.permutation(len(sizes))[:count]
        yield "classes", count, np.flatnonzero(np.isin(classes, some))
        least, most = int(sizes[some].min()), int(sizes[some].max())
        if count in EVEN_COUNTS and FEWEST <= least < most / UNEVEN:
            parts = [rng.choice(np.flatnonzero(classes == each), least, replace=False) for each in some]
            yield "even", count, np.sort(np.concatenate(parts))


def earlier(communities: Criterion, partitions: int, pictures: int) -> tuple[int, int, int, str]:
    """The number, its range, and the evidence, as they were before levels: by the communities alone.

    Args:
        communities: the criterion, whose curve is the share of the partitions with so many communities.
        partitions: how many there were.
        pictures: of fewer than 30 the evidence was weak.
    """
    counts = [count for count, share in communities.curve.items() for _ in range(round(share * partitions))]
    number = max(2, communities.choice or 0)
    low, high = (int(np.percentile(counts, share, method="nearest")) for share in (10, 90))
    low, high = max(2, low), max(number, high)
    width = (high - low) / number
    evidence = CLEAR if width <= 0.25 else FAIR if width <= 0.6 else WEAK
    return number, low, high, evidence if pictures >= 30 else WEAK


def cases(dataset: str, settings: Settings) -> Iterator[Case]:
    """The cases of a set."""
    there = opened(dataset, settings)
    classes = np.unique(there.labels, return_inverse=True)[1]
    choice = settings.cluster.estimate
    for kind, count, rows in subsets(classes):
        made: Estimate = recommended(there.read.clean[rows], settings.cluster, settings.fit)
        partitions = len(choice.resolutions) * choice.partitions
        now = (made.choice, made.low, made.high, made.evidence)
        yield Case(
            dataset, kind, count, len(rows), {BEFORE: earlier(made.criteria[0], partitions, len(rows)), NOW: now}
        )


def tables(found: Sequence[Case]) -> str:
    """How close both rules come and how often their evidence holds, and every case."""
    parts: dict[str, Callable[[Case], bool]] = {
        "all": lambda case: True,
        "whole sets": lambda case: case.kind == "whole",
        "5 classes or more": lambda case: case.classes >= 5,
    }
    rows = [
        [name, rule, *_closeness([case for case in found if part(case)], rule)]
        for name, part in parts.items()
        for rule in (BEFORE, NOW)
        if any(map(part, found))
    ]
    short = ["cases", "rule", "exact", f"within {CLOSE}", "furthest off", CLEAR, FAIR, WEAK]
    every = [
        [case.dataset, case.pictures, f"{case.classes}, {case.kind}", *(_told(case.answers[r]) for r in (BEFORE, NOW))]
        for case in found
    ]
    return markdown_table(short, rows) + "\n" + markdown_table(["set", "pictures", "classes", BEFORE, NOW], every)


def _closeness(found: Sequence[Case], rule: str) -> Iterator[str]:
    """How often a rule is right and close, by how much it is off at most, and of each evidence how many are close."""
    off = np.array([case.off(rule) for case in found])
    close = np.abs(off) <= CLOSE
    yield f"{(off == 0).sum()} of {len(off)}"
    yield f"{close.sum()} of {len(off)}"
    yield f"{off[np.abs(off).argmax()]:+d}"
    for evidence in (CLEAR, FAIR, WEAK):
        those = np.array([case.answers[rule][3] == evidence for case in found])
        yield f"{(close & those).sum()} of {those.sum()}"


def _told(answer: tuple[int, int, int, str]) -> str:
    number, low, high, evidence = answer
    return f"**{number}** ({low} to {high}, {evidence})"


def main() -> None:
    """Estimates every case of the sets, and writes and prints the tables."""
    given = sets_parser(__doc__).parse_args()
    found: list[Case] = []
    try:
        settings = read_params(DEFAULTS)
        for dataset in chosen(given.role, given.dataset, given.sealed_once):
            found += cases(dataset, settings)
            print(f"{dataset}: {len(found)} cases so far", file=sys.stderr)
            write(found, given.role)
    except PipelineError as error:
        raise SystemExit(f"estimates: {error}") from None
    print(tables(found))


def write(found: Sequence[Case], role: str) -> None:
    """Writes what there is: a run that ends early is not lost."""
    columns = ["dataset", "kind", "pictures", "classes"]
    columns += [f"{rule}_{name}" for rule in (BEFORE, NOW) for name in ("number", "low", "high", "evidence")]
    rows = ([c.dataset, c.kind, c.pictures, c.classes, *c.answers[BEFORE], *c.answers[NOW]] for c in found)
    write_table(OUT / f"estimates-{role}.csv", columns, rows)
    write_text(OUT / f"estimates-{role}.md", tables(found))


if __name__ == "__main__":
    main()
