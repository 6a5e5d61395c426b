"""Every system on a cell: what the studies have left of it, and what is published of it on the same data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.files import read_json
from pipeline.config.names import TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.experiments.costs import seconds_a_run
from pipeline.experiments.scores import read_scores
from pipeline.experiments.studies import STUDIES, leaderboard, systems
from pipeline.experiments.study import Variants
from pipeline.heads.method import Methods
from pipeline.report.results import Result, published_results
from pipeline.report.spread import Spread

SOURCES = ("leaderboard", "systems", "text-guided", "zero-shot")
"""The studies whose methods stand side by side; of those that read text, the methods that do."""


TITLED = {"leaderboard": leaderboard.titled, "systems": systems.titled}
"""The studies whose variants stand in the titles of their methods."""


@dataclass(frozen=True)
class System:
    """A method on a cell."""

    method: str
    title: str
    published_as: str
    """The title as the published results have it."""
    text: str
    """What text it reads; empty: none."""
    alone: bool
    """See `MethodEntry.objective_alone`."""
    scores: dict[str, Any]
    """What `evaluate` found."""
    seconds: float | None
    """A run; None where nothing was fitted, or no record tells."""
    published: list[Result]
    """On the same data set, in the order of their table."""

    @property
    def marked(self) -> str:
        """The title, marked where it reads text."""
        return f"{self.title} (uses text)" if self.text else self.title

    @property
    def runs(self) -> int:
        """How many there are."""
        return int(self.scores["runs"])

    def spread(self, split: str, metric: str) -> Spread:
        """A metric's spread over the runs."""
        return Spread.of(self.scores[split][metric], self.runs)


@dataclass(frozen=True)
class Systems:
    """All methods on a cell, the best mean ACC first; without labels in the order of the registry."""

    dataset: str
    backbone: str
    split: str | None
    """That the scores are of; None without labels."""
    systems: list[System]

    @property
    def title(self) -> str:
        """The cell, and what the scores are of."""
        return f"{self.dataset} x {self.backbone}, {f'{self.split} split' if self.split else 'no labels'}"


def read_systems(
    by_study: Mapping[str, Variants], record_of: Callable[[str, Cell, str], Path], methods: Methods
) -> Systems:
    """All systems on a cell; the arguments are those of the stage `systems`, for one cell.

    A method that several studies have stands once, as the first of them fitted it.

    Raises:
        PipelineError: if scores are missing.
    """
    found: list[System] = []
    cell = next(cell for variants in by_study.values() for cell in variants.values())
    published = published_results(cell.dataset)
    for study, variants in by_study.items():
        for name, place in variants.items():
            path = record_of(study, place, name)
            record = read_json(path, f"pipeline fit --study {study}") if path.is_file() else {}
            for method, scores in read_scores(study, place).items():
                entry = methods[method]
                if STUDIES[study].text and not entry.text:
                    continue
                title = TITLED[study](entry.title, name) if study in TITLED else entry.title
                if title in {system.title for system in found}:
                    continue
                # Of SCP the figures are published on pairs of views.
                same = title in (entry.title, leaderboard.titled(entry.title, leaderboard.PAPERS))
                found.append(
                    System(
                        method,
                        title,
                        entry.title,
                        entry.text,
                        entry.objective_alone,
                        scores,
                        seconds_a_run(record, method, scores["runs"]),
                        [result for result in published if same and result.method == entry.title],
                    )
                )
    order = [*methods]
    found.sort(key=lambda system: order.index(system.method))
    split = next((each for each in (TEST, TRAIN) if all(each in system.scores for system in found)), None)
    if split:
        found.sort(key=lambda system: -system.spread(split, "acc").mean)
    return Systems(cell.dataset, cell.backbone, split, found)
