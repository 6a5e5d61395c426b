"""The runs of a method, of which one is kept without labels, and the files that they leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.base.files import folder_replaced, write_json
from pipeline.config.names import HEAD, HISTORY, SNAPSHOTS, SUMMARY, snapshot_name
from pipeline.heads.method import Method
from pipeline.heads.predictions import best_two, write_choices
from pipeline.heads.problem import Problem, Run
from pipeline.heads.saved import SavedModel, save_model
from pipeline.heads.settings import FitSettings
from pipeline.heads.training_data import Given
from pipeline.methods import settings_of


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
    kept: Run
    order: np.ndarray
    """int (images, 2), the cluster and the second choice of the kept run."""
    best: np.ndarray
    """float (images, 2), the confidences of these."""
    clusters: np.ndarray
    """int (images, runs)."""
    history: list[dict[str, float]]


def fit_method(
    name: str, method: Method, problem: Problem, seeds: list[int], clean: Iterable[np.ndarray], in_train: np.ndarray
) -> Fitted:
    """Runs a method once for each seed and keeps the run with the least training loss; of equals the first.

    Args:
        name: the method's name.
        method: its module.
        problem: the train split and the settings.
        seeds: one for each run.
        clean: float32 (n, dim) each, the clean embeddings of all splits in pieces, which every run assigns.
        in_train: bool (images,), which of them belong to the train split.
    """
    kept: tuple[int, Run, int, np.ndarray, np.ndarray] | None = None
    losses, clusters, history = [], [], []
    for number, run in enumerate(method.fit(problem, seeds)):
        least = kept is None or run.loss < kept[1].loss
        assigned, choices = [], []
        for piece in clean:
            logits = run.model.logits(piece)
            assigned.append(logits.argmax(1))
            if least:
                choices.append(best_two(logits, run.model.confidences(logits)))
        losses.append(run.loss)
        clusters.append(np.concatenate(assigned))
        history += [{"run": number, **row} for row in run.history]
        if least:
            order, best = (np.concatenate(each) for each in zip(*choices, strict=True))
            kept = (number, run, logits.shape[1], order, best)
    assert kept is not None, "settings allow no fit without runs"
    used = [len(np.unique(each[in_train])) for each in clusters]
    given = {**_given(problem.settings, name), "balance_weight": problem.dataset.balance_weight}
    number, run, count, order, best = kept
    summary = Summary(name, given, seeds, losses, number, count, used)
    return Fitted(summary, run, order, best, np.stack(clusters, 1), history)


def _given(settings: FitSettings, method: str) -> dict[str, object]:
    """The values that a method is given, the common ones of training too where it trains a head."""
    own = settings_of(settings, method)
    values = {} if own is None else asdict(own)
    return {**asdict(settings.training), **asdict(settings.pairs), **values} if "pairs" in values else values


def write_fitted(
    fitted: Sequence[Fitted], given: Given, embedding: dict[str, Any], head_folder: Path, prediction_folder: Path
) -> None:
    """Writes what all methods of a fit leave, or nothing: the folders that were there are replaced at the end.

    Args:
        fitted: of each method.
        given: the images.
        embedding: what the embeddings are; see `Features.describe`.
        head_folder: gets a folder for each method: the kept run's model, its snapshots, the history and the summary.
        prediction_folder: likewise: the assignments, and every run's clusters.
    """
    with folder_replaced(head_folder) as models, folder_replaced(prediction_folder) as assigned:
        for result in fitted:
            name = result.summary.method
            save_model(models / name / HEAD, SavedModel(name, result.kept.model, embedding))
            for step, snapshot in result.kept.snapshots.items():
                save_model(models / name / SNAPSHOTS / snapshot_name(step), SavedModel(name, snapshot, embedding))
            columns = list(result.history[0]) if result.history else ["run", "step"]
            rows = ([row[column] for column in columns] for row in result.history)
            write_table(models / name / HISTORY, columns, rows)
            write_json(models / name / SUMMARY, asdict(result.summary))
            write_choices(assigned / name, given.ids, given.splits, result.order, result.best, result.clusters)
