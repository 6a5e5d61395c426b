"""fit: feature cache -> runs of each method -> the kept head, its history and everyone's cluster. No labels."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.kept import Store
from pipeline.base.live import LiveLog
from pipeline.base.progress import progress_line
from pipeline.base.timing import part
from pipeline.config.names import NOUNS, OWN, TRAIN
from pipeline.config.settings import DatasetSettings, ExtractSettings
from pipeline.features.cache import Features, open_features
from pipeline.features.checks import check_settings
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.features.nouns import NounCache
from pipeline.heads.pairs import VIEWS
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings
from pipeline.heads.training_data import give
from pipeline.methods import METHODS, check_clusters, settings_of
from pipeline.methods.ended import decided_by
from pipeline.methods.fitted import Summary, fit_method, write_fitted
from pipeline.methods.given import fittable, given_to, made_from

Told = Callable[[str, int, int], None]


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
    kept: Path | None = None,
    beside: bool = False,
    told: Told = lambda *_: None,
    log: LiveLog | None = None,
    nouns: Path | None = None,
) -> list[Summary]:
    """Fits every method on the train split of a cache, or of a mix of caches, and assigns the images of every split.

    Writes, for each method, below `head_folder` the kept run's model, the history of all runs and a summary, and below
    `prediction_folder` the assignments. What was there before is replaced once everything is fitted. Each run is kept
    as it ends, so that a fit that was stopped goes on from there and ends with the same bytes; the caller removes the
    kept ones once nothing is left to fit.

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
        kept: the folder where runs are kept, a folder a method, and beside them what several methods want; see
            `pipeline.base.kept.forget`. None: nothing is kept.
        beside: leave the results of other methods that are there.
        told: takes a method's name, how many of its runs were computed, and how many were kept from before.
        log: told of the terms while the heads train.
        nouns: the folder of the nouns that the backbone's text tower has embedded; None: no method reads them.

    Raises:
        PipelineError: if the cache is missing, damaged or made with other settings, a method is unknown or cannot be
            fitted, there are more clusters than images, the memory is too little for a few shards, or a method reads
            nouns that are missing or made with other weights.
    """
    methods = fittable(settings)
    features = open_features(feature_folder)
    _check(dataset, features, extract_settings, dataset_settings)
    cache, read = _nouns(features, methods, nouns)
    streamed = [name for name in methods if _on_views(name, settings, features, views)]
    with part("read"):
        given = give(features, views, memory, sampled=len(streamed) < len(methods))
    in_train = np.array(given.splits) == TRAIN
    seeds = run_seeds(settings.seed, settings.runs)
    store = None if kept is None else Store(kept, decided_by(features, given, views, device))
    near = Neighbours(lambda: unit_length(given.train[:, 0].astype(np.float32)), store)
    common = Problem(
        given.train,
        settings,
        dataset_settings,
        device,
        progress=lambda _: None,
        steps=steps,
        given_near=near,
        parts=tuple(each.manifest.dim for each in features.parts),
        store=store,
        given_nouns=cache,
    )
    fitted = []
    for name, method in methods.items():
        title = f"{dataset} x {features.backbone}, {name}"
        stream = given.stream if name in streamed else None
        if given.stream is not None and stream is None:
            print(
                f"{title}: fitted to {len(given.train):,} of {given.stream.images:,} images, drawn at random, as "
                "--memory has no place for more; it assigns all of them",
                file=sys.stderr,
            )
        live = log.watch(name, seeds) if log else None
        problem = replace(common, progress=progress_line(title), stream=stream, live=live)
        decides = {"given": given_to(settings, dataset_settings, name), "steps": steps, "streamed": stream is not None}
        decides |= read.get(name, {})
        with part(name):
            result = fit_method(name, method, problem, seeds, given.clean, in_train, decides)
        fitted.append(result)
        if log:
            log.ended(name, result.history, result.summary.losses)
        told(name, len(seeds) - result.before, result.before)
        if result.before:
            print(f"{title}: {result.before} of {len(seeds)} runs were kept from before", file=sys.stderr)

    with part("write"):
        made = [
            {"fit": made_from(settings, dataset_settings, name, views, steps), "features": features.made_from}
            | read.get(name, {})
            for name in methods
        ]
        write_fitted(fitted, made, given, features.describe(), head_folder, prediction_folder, beside)
    return [result.summary for result in fitted]


def _check(dataset: str, features: Features, extract: ExtractSettings, about: DatasetSettings) -> None:
    """Refuses a cache that cannot be fitted to: made with other settings, without the train split, or too small.

    Raises:
        PipelineError: if it cannot.
    """
    for each in features.parts:
        if each.manifest.backbone != OWN:
            check_settings(each.folder, each.manifest, extract)
    if TRAIN not in features.splits:
        found = ", ".join(features.splits)
        raise PipelineError(f"{features.folder}: there is no split '{TRAIN}' to fit on; found: {found}")
    check_clusters(about.clusters, features.splits[TRAIN], dataset)


def _nouns(
    features: Features, methods: Iterable[str], folder: Path | None
) -> tuple[NounCache | None, dict[str, dict[str, str]]]:
    """The nouns of a backbone, and for each method that reads them what its runs are made from beside all else.

    Raises:
        PipelineError: if a list that a method reads is missing.
    """
    readers = [name for name in methods if METHODS[name].text == NOUNS]
    if not readers:
        return None, {}
    assert folder is not None, "whoever fits a method that reads nouns says where they are"
    cache = NounCache(folder, features.backbone, features.parts[0].manifest.weights_sha256)
    return cache, {name: {NOUNS: cache.digest()} for name in readers}


def _on_views(name: str, settings: FitSettings, features: Features, views: int | None) -> bool:
    """Whether a method needs pairs of views alone, which a stream gives."""
    enough = (features.views if views is None else views) >= 2
    return enough and getattr(settings_of(settings, name), "pairs", None) == VIEWS
