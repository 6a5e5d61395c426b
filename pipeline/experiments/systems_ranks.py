"""The systems ranked over the data sets of a backbone, and which of them differ.

Embeddings of two backbones of one data set are no two samples, so each backbone has ranks and a test of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.figure import Figure

from pipeline.experiments.systems_on_cell import Systems
from pipeline.report.critical_difference import diagram
from pipeline.report.ranks import FEWEST_METHODS, LEVEL, critical_difference, fewest_datasets, friedman, ranks

ABOUT = (
    "Rank by the mean ACC over the runs, 1 is the best, and methods that are alike share. A method that is missing on "
    "a data set, as those that read text are where the backbone has no text tower, is not ranked."
)


@dataclass(frozen=True)
class Ranking:
    """The methods that a backbone has on all data sets with labels."""

    backbone: str
    datasets: list[str]
    titles: list[str]
    scores: np.ndarray
    """float (data sets, methods), mean ACC in percent."""

    @cached_property
    def ranks(self) -> np.ndarray:
        """float (data sets, methods)."""
        return ranks(self.scores)

    @property
    def means(self) -> np.ndarray:
        """float (methods,), the mean ranks."""
        found: np.ndarray = self.ranks.mean(0)
        return found

    @property
    def fewest(self) -> int:
        """Data sets that a test needs that can tell any two methods apart; 0: there are too few methods for any."""
        return fewest_datasets(len(self.titles)) if len(self.titles) >= FEWEST_METHODS else 0

    @cached_property
    def test(self) -> tuple[float, float] | None:
        """Friedman's chi squared and p; None where there is no test."""
        return friedman(self.scores) if self.fewest and len(self.datasets) >= self.fewest else None

    @property
    def difference(self) -> float:
        """The critical one of the mean ranks."""
        return critical_difference(len(self.titles), len(self.datasets))

    def line(self) -> str:
        """What the test says, in one line."""
        sets = f"{len(self.datasets)} data set{'s' * (len(self.datasets) > 1)}"
        if self.test is None:
            if not self.fewest:
                return f"No test: it needs {FEWEST_METHODS} methods, and here are {len(self.titles)}."
            return f"No test: on {sets} with labels no two methods can be told apart; it takes {self.fewest}."
        chi, p = self.test
        said = f"Friedman's test over {sets}: chi squared {chi:.1f}, p {p:.2g}"
        if p >= LEVEL:
            return f"{said}; it finds no difference between the methods."
        gaps = np.abs(self.means[:, None] - self.means)[np.triu_indices(len(self.titles), 1)]
        apart = f"which tells {int((gaps >= self.difference).sum())} of {len(gaps)} pairs of methods apart"
        return f"{said}; Nemenyi's critical difference of mean ranks at {LEVEL:.0%}: {self.difference:.1f}, {apart}."

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """A row for each method, the best first: its rank on each data set, and the mean."""
        order = np.argsort(self.means, kind="stable").tolist()
        table = [[self.titles[at], *(f"{rank:g}" for rank in self.ranks[:, at])] for at in order]
        means = [f"{self.means[at]:.1f}" for at in order]
        return ["method", *self.datasets, "mean rank"], [[*row, mean] for row, mean in zip(table, means, strict=True)]

    def plain_rows(self) -> list[list[object]]:
        """A row for each data set and method, in the columns `PLAIN`."""
        return [
            [self.backbone, dataset, title, round(float(self.scores[row, at]), 4), float(self.ranks[row, at])]
            for row, dataset in enumerate(self.datasets)
            for at, title in enumerate(self.titles)
        ]

    def figure(self) -> Figure | None:
        """The critical-difference diagram; None where no difference is found, or there is no test."""
        if self.test is None or self.test[1] >= LEVEL:
            return None
        title = f"Mean rank by ACC over {len(self.datasets)} data sets, {self.backbone}"
        return diagram(self.titles, self.means, self.difference, title)


PLAIN = ("backbone", "data set", "method", "ACC mean", "rank")


def rank(cells: Sequence[Systems]) -> list[Ranking]:
    """The methods of each backbone that has labelled data sets, ranked."""
    by_backbone: dict[str, list[Systems]] = {}
    for found in cells:
        if found.split is not None:
            by_backbone.setdefault(found.backbone, []).append(found)
    rankings = []
    for backbone, labelled in by_backbone.items():
        values = [
            {system.marked: system.spread(str(found.split), "acc").mean for system in found.systems}
            for found in labelled
        ]
        titles = [title for title in values[0] if all(title in each for each in values)]
        scores = np.array([[each[title] for title in titles] for each in values])
        rankings.append(Ranking(backbone, [found.dataset for found in labelled], titles, scores))
    return rankings
