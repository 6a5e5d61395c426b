"""fit: feature cache -> runs of each method -> the kept head, its history and everyone's cluster. No labels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cache import Manifest
from pipeline.errors import PipelineError
from pipeline.features import OWN, open_features, unit_length
from pipeline.files import folder_replaced, write_json
from pipeline.methods import METHODS, Method, check_clusters, check_package, get_method, run_seeds
from pipeline.methods.saved import SavedModel, save_model
from pipeline.names import HEAD, HISTORY, SNAPSHOTS, SUMMARY, TRAIN, snapshot_name
from pipeline.paths import extract_command
from pipeline.predictions import write_predictions
from pipeline.problem import Problem, Run
from pipeline.search import Neighbours
from pipeline.settings import DatasetSettings, ExtractSettings, FitSettings
from pipeline.tables import write_table
from pipeline.timing import part


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
            f"{self.method}: kept run {self.kept} of {len(self.losses)} (loss {self.losses[self.kept]:.4f}, "
            f"all {min(self.losses):.4f} to {max(self.losses):.4f}), "
            f"{self.clusters_used[self.kept]} of {self.clusters} clusters in use"
        )


@dataclass(frozen=True)
class Fitted:
    """What the runs of a method gave."""

    summary: Summary
    kept: Run
    logits: np.ndarray
    """float32 (images, clusters), of the kept run."""
    clusters: np.ndarray
    """int (images, runs)."""
    history: list[dict[str, float]]


def fit(
    dataset: str,
    feature_folder: Path,
    head_folder: Path,
    prediction_folder: Path,
    settings: FitSettings,
    extract_settings: ExtractSettings,
    dataset_settings: DatasetSettings,
    device: str,
    views: int | None = None,
    steps: tuple[int, ...] = (),
) -> list[Summary]:
    """Fits every method on the train split of a cache, or of a mix of caches, and assigns the images of every split.

    Writes, for each method, below `head_folder` the kept run's model, the history of all runs and a summary, and below
    `prediction_folder` the assignments. What was there before is replaced once everything is fitted.

    Args:
        dataset: name of the data set, for messages.
        feature_folder: the cache or the mix.
        head_folder: for the models.
        prediction_folder: for the assignments.
        settings: methods, runs, seed and what each method is given.
        extract_settings: what the cache must have been made with.
        dataset_settings: number of clusters and lambda.
        device: ``cpu`` or a CUDA device.
        views: use the first so many augmented views alone; None: all.
        steps: training steps before which the kept run's model is written too.

    Raises:
        PipelineError: if the cache is missing, damaged or made with other settings, a method is unknown or reads text,
            or there are more clusters than images.
    """
    methods = {name: _fittable(name) for name in settings.methods}
    features = open_features(feature_folder)
    for each in features.parts:
        if each.manifest.backbone == OWN:
            continue
        check_settings(each.folder, each.manifest, extract_settings)
    with part("read"):
        splits = {name: features.read(name, views) for name in features.splits}
    if TRAIN not in splits:
        raise PipelineError(f"{feature_folder}: there is no split '{TRAIN}' to fit on; found: {', '.join(splits)}")
    check_clusters(dataset_settings.clusters, len(splits[TRAIN].ids), dataset)
    ids = [image_id for split in splits.values() for image_id in split.ids]
    names = [name for name, split in splits.items() for _ in split.ids]
    clean = np.concatenate([split.clean for split in splits.values()])
    in_train = np.array(names) == TRAIN
    seeds = run_seeds(settings.seed, settings.runs)
    near = Neighbours(unit_length(splits[TRAIN].clean))
    shared: dict[Any, Any] = {}
    parts = tuple(each.manifest.dim for each in features.parts)

    fitted = []
    for name, method in methods.items():
        title = f"{dataset} x {features.backbone}, {name}"
        show = progress_line(title)
        problem = Problem(
            splits[TRAIN].views, settings, dataset_settings, device, show, steps, near, parts=parts, shared=shared
        )
        with part(name):
            fitted.append(fit_method(name, method, problem, seeds, clean, in_train))

    with part("write"), folder_replaced(head_folder) as models, folder_replaced(prediction_folder) as assigned:
        for result in fitted:
            heads, predictions = models / result.summary.method, assigned / result.summary.method
            model = result.kept.model
            embedding = features.describe()
            save_model(heads / HEAD, SavedModel(result.summary.method, model, embedding))
            for step, snapshot in result.kept.snapshots.items():
                path = heads / SNAPSHOTS / snapshot_name(step)
                save_model(path, SavedModel(result.summary.method, snapshot, embedding))
            columns = list(result.history[0]) if result.history else ["run", "step"]
            write_table(heads / HISTORY, columns, ([row[column] for column in columns] for row in result.history))
            write_json(heads / SUMMARY, asdict(result.summary))
            write_predictions(predictions, ids, names, result.logits, model.confidences(result.logits), result.clusters)
    return [result.summary for result in fitted]


def _fittable(name: str) -> Method:
    where = "params.yaml: fit.methods"
    if name in METHODS and METHODS[name].text:
        raise PipelineError(f"{where}: '{name}' reads text and is nothing to fit; run 'pipeline {name}' and remove it")
    method = get_method(name, where)
    check_package(name)
    return method


def fit_method(
    name: str, method: Method, problem: Problem, seeds: list[int], clean: np.ndarray, in_train: np.ndarray
) -> Fitted:
    """Runs a method once for each seed and keeps the run with the least training loss; of equals the first.

    Args:
        name: the method's name.
        method: its module.
        problem: the train split and the settings.
        seeds: one for each run.
        clean: float32 (images, dim), the clean embeddings of all splits, which every run assigns.
        in_train: bool (images,), which of them belong to the train split.
    """
    kept: tuple[int, Run, np.ndarray] | None = None
    losses, clusters, history = [], [], []
    for number, run in enumerate(method.fit(problem, seeds)):
        logits = run.model.logits(clean)
        losses.append(run.loss)
        clusters.append(logits.argmax(1))
        history += [{"run": number, **row} for row in run.history]
        if kept is None or run.loss < kept[1].loss:
            kept = (number, run, logits)
    assert kept is not None, "settings allow no fit without runs"
    used = [len(np.unique(assigned[in_train])) for assigned in clusters]
    given = {**_given(problem.settings, name), "balance_weight": problem.dataset.balance_weight}
    summary = Summary(name, given, seeds, losses, kept[0], kept[2].shape[1], used)
    return Fitted(summary, kept[1], kept[2], np.stack(clusters, 1), history)


def _given(settings: FitSettings, method: str) -> dict[str, object]:
    """The values that a method is given, the common ones of training too where it trains a head."""
    own = settings.of(method)
    values = {} if own is None else asdict(own)
    return {**asdict(settings.training), **asdict(settings.pairs), **values} if "pairs" in values else values


def check_settings(folder: Path, manifest: Manifest, wanted: ExtractSettings) -> None:
    """Refuses a cache that was made with other values than params.yaml now asks for.

    Raises:
        PipelineError: naming the first value that differs.
    """
    augmentation = manifest.settings.get("augmentation")
    augmentation = augmentation if isinstance(augmentation, dict) else {}
    pairs: list[tuple[str, object, object]] = [("views", manifest.views, wanted.views)]
    pairs += [(key, manifest.settings.get(key), getattr(wanted, key)) for key in ("seed", "precision", "batch")]
    pairs += [
        (f"augmentation.{key}", augmentation.get(key), value) for key, value in wanted.augmentation.plain().items()
    ]
    for key, found, expected in pairs:
        if key == "precision" and expected == "auto":
            continue  # What it was on the device of the extraction.
        if found != expected:
            raise PipelineError(
                f"cache {folder}: made with extract.{key} {found}, params.yaml asks for {expected}; "
                f"run '{extract_command(folder)}'"
            )


def progress_line(title: str) -> Callable[[str], None]:
    """A function that shows how far a fit is: in place in a terminal, one line a run elsewhere."""
    terminal = sys.stderr.isatty()
    shown: set[str] = set()

    def show(text: str) -> None:
        run = text.split(",")[0]
        if terminal:
            print(f"\r\033[K{title}: {text}", end="", file=sys.stderr, flush=True)
        elif run not in shown:
            shown.add(run)
            print(f"{title}: {run}", file=sys.stderr, flush=True)

    return show
