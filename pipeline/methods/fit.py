"""fit: feature cache -> runs of each method -> the kept head, its history and everyone's cluster. No labels."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import folder_replaced, write_json
from pipeline.base.timing import part, process_memory
from pipeline.config.devices import meanings
from pipeline.config.names import HEAD, HISTORY, OWN, SNAPSHOTS, SUMMARY, TRAIN, snapshot_name
from pipeline.config.paths import extract_command
from pipeline.config.settings import DatasetSettings, ExtractSettings
from pipeline.features.cache import Features, open_features
from pipeline.features.lengths import unit_length
from pipeline.features.manifest import Manifest
from pipeline.features.neighbours import Neighbours
from pipeline.features.shards import DTYPE
from pipeline.heads.method import Method
from pipeline.heads.pairs import VIEWS
from pipeline.heads.predictions import best_two, write_choices
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import run_seeds
from pipeline.heads.saved import SavedModel, save_model
from pipeline.heads.settings import FitSettings
from pipeline.heads.streaming import Clean, Stream
from pipeline.methods import METHODS, check_clusters, check_package, get_method, settings_of


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


RESERVED = 400_000_000
"""Bytes that the libraries, the head and a batch take beside the embeddings, and what an image takes is below."""
BYTES_AN_IMAGE = 250
COPIES = 4
"""float32 copies of the clean embeddings that a method and the search for neighbours make at most."""
ASSIGNED = 16_384
"""Images that are assigned at a time: the logits of all are gigabytes where there are many clusters, too. A multiple of
`training.ROWS`, so that a head sees the same blocks as it would of all, and gives the same bits."""


@dataclass(frozen=True)
class Given:
    """What is fitted to, and what is assigned."""

    ids: list[str]
    splits: list[str]
    """Of each image."""
    clean: Iterable[np.ndarray]
    """float32 (n, dim) each, the clean embeddings of all images in pieces, as often as they are asked for."""
    train: np.ndarray
    """float16 (images, 1 + views, dim), of the train split, or a sample of it."""
    stream: Stream | None = None


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
    memory: int | None = None,
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
        memory: bytes that the process may take. If the embeddings need more, heads on pairs of views read them from the
            shards while they train, and other methods are fitted to a sample; None: everything is read into memory.

    Raises:
        PipelineError: if the cache is missing, damaged or made with other settings, a method is unknown or reads text,
            there are more clusters than images, or the memory is too little for a few shards.
    """
    methods = {name: _fittable(name) for name in settings.methods}
    features = _opened(dataset, feature_folder, extract_settings, dataset_settings)
    streamed = [name for name in methods if _on_views(name, settings, features, views)]
    with part("read"):
        if memory is None or _bytes_in_memory(features) <= memory:
            given = _read(features, views)
        else:
            given = _streamed(features, views, memory, sampled=len(streamed) < len(methods))
    in_train = np.array(given.splits) == TRAIN
    seeds = run_seeds(settings.seed, settings.runs)
    near = Neighbours(lambda: unit_length(given.train[:, 0].astype(np.float32)))
    shared: dict[Any, Any] = {}
    parts = tuple(each.manifest.dim for each in features.parts)

    fitted = []
    for name, method in methods.items():
        title = f"{dataset} x {features.backbone}, {name}"
        show = progress_line(title)
        stream = given.stream if name in streamed else None
        problem = Problem(
            given.train, settings, dataset_settings, device, show, steps, near, shared, stream=stream, parts=parts
        )
        if given.stream is not None and stream is None:
            print(
                f"{title}: fitted to {len(given.train):,} of {given.stream.images:,} images, drawn at random, as "
                "--memory has no place for more; it assigns all of them",
                file=sys.stderr,
            )
        with part(name):
            fitted.append(fit_method(name, method, problem, seeds, given.clean, in_train))

    with part("write"), folder_replaced(head_folder) as models, folder_replaced(prediction_folder) as assigned:
        for result in fitted:
            name = result.summary.method
            _write(result, features.describe(), given, models / name, assigned / name)
    return [result.summary for result in fitted]


def _opened(
    dataset: str, folder: Path, extract_settings: ExtractSettings, dataset_settings: DatasetSettings
) -> Features:
    """The features to fit to, if they were made with the settings and suit the number of clusters."""
    features = open_features(folder)
    for each in features.parts:
        if each.manifest.backbone == OWN:
            continue
        check_settings(each.folder, each.manifest, extract_settings)
    if TRAIN not in features.splits:
        found = ", ".join(features.splits)
        raise PipelineError(f"{folder}: there is no split '{TRAIN}' to fit on; found: {found}")
    check_clusters(dataset_settings.clusters, features.splits[TRAIN], dataset)
    return features


def _on_views(name: str, settings: FitSettings, features: Features, views: int | None) -> bool:
    """Whether a method needs pairs of views alone, which a stream gives."""
    enough = (features.views if views is None else views) >= 2
    return enough and getattr(settings_of(settings, name), "pairs", None) == VIEWS


def _bytes_in_memory(features: Features) -> int:
    """What the process takes where all embeddings are in memory."""
    images = sum(features.splits.values())
    return process_memory() + RESERVED + images * (_bytes_of_embeddings(features) + BYTES_AN_IMAGE)


def _bytes_of_embeddings(features: Features) -> int:
    """What an image's embeddings take: as they are stored, and the copies."""
    return features.dim * (DTYPE.itemsize * (1 + features.views) + 4 * COPIES)


def _read(features: Features, views: int | None) -> Given:
    splits = {name: features.read(name, views) for name in features.splits}
    ids = [image_id for split in splits.values() for image_id in split.ids]
    clean = np.concatenate([split.clean for split in splits.values()])
    pieces = [clean[first : first + ASSIGNED] for first in range(0, len(clean), ASSIGNED)]
    return Given(ids, _split_of_each(features), pieces, splits[TRAIN].views)


def _streamed(features: Features, views: int | None, memory: int, sampled: bool) -> Given:
    """Half of the memory that is left for the stream, and half for the sample, if one is needed."""
    images = sum(features.splits.values())
    left = memory - process_memory() - RESERVED - images * BYTES_AN_IMAGE
    stream = Stream(features, TRAIN, views, left // 2 if sampled else left)
    ids = [image_id for split in features.splits for block in features.blocks(split, 0) for image_id in block.ids]
    sample = stream.sample(left // 2 // _bytes_of_embeddings(features) if sampled else 0, seed=0)
    return Given(ids, _split_of_each(features), Clean(features), sample, stream)


def _split_of_each(features: Features) -> list[str]:
    return [name for name, count in features.splits.items() for _ in range(count)]


def _fittable(name: str) -> Method:
    where = "params.yaml: fit.methods"
    if name in METHODS and METHODS[name].text:
        raise PipelineError(f"{where}: '{name}' reads text and is nothing to fit; run 'pipeline {name}' and remove it")
    method = get_method(name, where)
    check_package(name)
    return method


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


def check_settings(folder: Path, manifest: Manifest, wanted: ExtractSettings) -> None:
    """Refuses a cache that was made with other values than params.yaml now asks for.

    Raises:
        PipelineError: naming the first value that differs.
    """
    augmentation = manifest.settings.get("augmentation")
    augmentation = augmentation if isinstance(augmentation, dict) else {}
    pairs: list[tuple[str, object, object]] = [("views", manifest.views, wanted.views)]
    pairs += [("seed", manifest.settings.get("seed"), wanted.seed)]
    pairs += [
        (f"augmentation.{key}", augmentation.get(key), value) for key, value in wanted.augmentation.plain().items()
    ]
    for key, found, expected in pairs:
        if found != expected:
            raise PipelineError(
                f"cache {folder}: made with extract.{key} {found}, params.yaml asks for {expected}; "
                f"run '{extract_command(folder)}'"
            )
    # Whichever device it was made on.
    precision, batch = manifest.settings.get("precision"), manifest.settings.get("batch")
    if (precision, batch) not in [(each.precision, each.batch) for each in meanings(wanted)]:
        raise PipelineError(
            f"cache {folder}: made with extract.precision {precision} and extract.batch {batch}, params.yaml asks for "
            f"{wanted.precision} and {wanted.batch}, or on a GPU {wanted.batch_on_gpu}; run '{extract_command(folder)}'"
        )


def _write(result: Fitted, embedding: dict[str, Any], given: Given, heads: Path, predictions: Path) -> None:
    """The files of a method: the kept run's model and its snapshots, the history, the summary, the assignments."""
    method = result.summary.method
    save_model(heads / HEAD, SavedModel(method, result.kept.model, embedding))
    for step, snapshot in result.kept.snapshots.items():
        save_model(heads / SNAPSHOTS / snapshot_name(step), SavedModel(method, snapshot, embedding))
    columns = list(result.history[0]) if result.history else ["run", "step"]
    write_table(heads / HISTORY, columns, ([row[column] for column in columns] for row in result.history))
    write_json(heads / SUMMARY, asdict(result.summary))
    write_choices(predictions, given.ids, given.splits, result.order, result.best, result.clusters)


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
            # With its end in one piece: runs beside each other tell of themselves from threads.
            print(f"{title}: {run}\n", end="", file=sys.stderr, flush=True)

    return show
