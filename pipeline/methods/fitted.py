"""The runs of a method, of which one is kept without labels, and the files that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.base.files import folder_replaced, write_json
from pipeline.base.made_from import write_made_from
from pipeline.config.names import HEAD, HISTORY, SNAPSHOTS, SUMMARY, snapshot_name
from pipeline.heads.method import BALANCE_WEIGHT, Method
from pipeline.heads.predictions import write_choices
from pipeline.heads.problem import Problem, Run
from pipeline.heads.saved import write_model
from pipeline.heads.training_data import Given
from pipeline.methods import settings_of
from pipeline.methods.ended import Ended, KeptRuns, collect
from pipeline.methods.given import read_by


@dataclass(frozen=True)
class Summary:
    """How the runs of a method ended and which was kept."""

    method: str
    settings: dict[str, object]
    """The values that the method was given."""
    seeds: list[int]
    losses: list[float]
    kept: int
    clusters: int
    """Of the kept run's model; a method may find another number than it was asked for."""
    clusters_used: list[int]
    """Clusters with at least one image of the train split, for each run."""

    def line(self) -> str:
        """The summary for people."""
        return (
            f"{self.method}: kept run {self.kept + 1} of {len(self.losses)} (loss {self.losses[self.kept]:.4f}, "
            f"all {min(self.losses):.4f} to {max(self.losses):.4f}), "
            f"{self.clusters_used[self.kept]} of {self.clusters} clusters in use"
        )


@dataclass(frozen=True)
class Fitted:
    """What the runs of a method gave."""

    summary: Summary
    kept: Ended
    clusters: np.ndarray
    """int (images, runs)."""
    history: list[dict[str, float]]
    before: int
    """Runs that an earlier fit, which did not come to its end, had computed."""


def fit_method(
    name: str,
    method: Method,
    problem: Problem,
    seeds: list[int],
    clean: Iterable[np.ndarray],
    in_train: np.ndarray,
    made_from: Any = None,
) -> Fitted:
    """Runs a method once for each seed and keeps the run with the least training loss; of equals the first.

    Args:
        name: the method's name.
        method: its module.
        problem: the train split and the settings; where it has a store, each run is kept there as it ends.
        seeds: one for each run.
        clean: float32 (n, dim) each, the clean embeddings of all splits in pieces, which every run assigns.
        in_train: bool (images,), which of them belong to the train split.
        made_from: plain data, all that decides a run beside what the store's parts have in common.
    """

    def runs(missing: list[int], ended: Callable[[int, Run], None]) -> Iterable[Run]:
        return method.fit(replace(problem, ended=ended), missing)

    found, before = collect(seeds, runs, clean, KeptRuns(problem.store, name, made_from))
    assert found.best is not None, "settings allow no fit without runs"
    assert found.kept is not None
    clusters = [found.clusters[seed] for seed in seeds]
    losses = [found.losses[seed] for seed in seeds]
    used = [len(np.unique(each[in_train])) for each in clusters]
    given = _given(problem, name)
    summary = Summary(name, given, seeds, losses, found.best[1], found.kept.clusters, used)
    history = [{"run": number, **row} for number, seed in enumerate(seeds) for row in found.histories[seed]]
    return Fitted(summary, found.kept, np.stack(clusters, 1), history, before)


def _given(problem: Problem, method: str) -> dict[str, object]:
    """The values that a method is given, the common ones of training too where it trains a head, and lambda where it is
    read.
    """
    settings = problem.settings
    own = settings_of(settings, method)
    values = {} if own is None else asdict(own)
    common = {**asdict(settings.training), **asdict(settings.pairs)} if "pairs" in values else {}
    weighted = BALANCE_WEIGHT in read_by(settings, method)
    return {**common, **values, **({BALANCE_WEIGHT: problem.dataset.balance_weight} if weighted else {})}


def write_fitted(
    fitted: Sequence[Fitted],
    made_from: Sequence[dict[str, Any]],
    given: Given,
    embedding: dict[str, Any],
    head_folder: Path,
    prediction_folder: Path,
    beside: bool = False,
) -> None:
    """Writes what all methods of a fit leave, or nothing: the folders that were there are replaced at the end.

    Args:
        fitted: of each method.
        made_from: likewise, what its predictions are made from.
        given: the images.
        embedding: what the embeddings are; see `Features.describe`.
        head_folder: gets a folder for each method: the kept run's model, its snapshots, the history and the summary.
        prediction_folder: likewise: the assignments, and every run's clusters.
        beside: leave what is there of other methods.
    """
    with ExitStack() as replaced:

        def folders(whole: Path) -> list[Path]:
            names = [result.summary.method for result in fitted]
            if beside:
                return [replaced.enter_context(folder_replaced(whole / name)) for name in names]
            aside = replaced.enter_context(folder_replaced(whole))
            return [aside / name for name in names]

        places = folders(head_folder), folders(prediction_folder)
        for result, made, models, assigned in zip(fitted, made_from, *places, strict=True):
            name = result.summary.method
            write_model(models / HEAD, name, result.kept.model, embedding)
            for step, snapshot in result.kept.snapshots.items():
                write_model(models / SNAPSHOTS / snapshot_name(step), name, snapshot, embedding)
            columns = list(result.history[0]) if result.history else ["run", "step"]
            rows = ([row[column] for column in columns] for row in result.history)
            write_table(models / HISTORY, columns, rows)
            write_json(models / SUMMARY, asdict(result.summary))
            choices = result.kept.order, result.kept.best
            write_choices(assigned, given.ids, given.splits, *choices, result.clusters)
            write_made_from(assigned, made)
