"""The trials of a result: which are made, what they cost, and what becomes of its files and its page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_file
from pipeline.base.kept import Part, Store
from pipeline.base.progress import progress_line
from pipeline.collection.assigned import takes
from pipeline.collection.confidence import confidences
from pipeline.collection.disturbed import There, check_kinds, disturbances, find_pictures, pace
from pipeline.collection.editing import open_desk
from pipeline.collection.embedder import Embedder
from pipeline.collection.fill_cache import Say
from pipeline.collection.fitted import contents_of
from pipeline.collection.layout import read_layout
from pipeline.collection.places import find_root
from pipeline.collection.refitted import Fit, refits
from pipeline.collection.remade import features_of, method_of, remake, up_to_date
from pipeline.collection.result import SPLIT, Collection
from pipeline.collection.rules import read_rules
from pipeline.collection.settings import ClusterSettings, CollectionSettings
from pipeline.collection.stability import REFITS, Planned, Stability, Trial, measured
from pipeline.collection.stability_files import key_of, write_stability
from pipeline.collection.stability_lines import cost, duration
from pipeline.config import params
from pipeline.config.names import HEAD
from pipeline.config.params import Section
from pipeline.config.settings import DatasetSettings
from pipeline.features.cache import Features, open_features
from pipeline.heads.predictions import read_runs
from pipeline.heads.saved import load_model
from pipeline.heads.settings import FitSettings
from pipeline.images.listing import ImageRecord, read_list
from pipeline.methods import METHODS
from pipeline.methods.ended import code_digest


@dataclass(frozen=True)
class Result:
    """What is tried."""

    collection: Collection
    records: list[ImageRecord]
    features: Features
    views: np.ndarray
    """float16 (n, 1 + views, dim)."""
    clusters: np.ndarray
    """int (n,), the lasting numbers that the head gives the pictures, before anybody corrected it."""
    confidences: np.ndarray
    """float (n,), of these."""
    fit: Fit
    about: dict[str, Any]
    """How it was made."""

    @property
    def key(self) -> str:
        """See `key_of`."""
        return key_of(self.features.fingerprint, sha256_of_file(self.collection.head / HEAD), self.clusters)


def measure(collection: Collection, device: str, say: Say, pictures: Path | None = None) -> tuple[list[str], Stability]:
    """The whole job of `pipeline robustness`.

    Args:
        collection: a result.
        device: ``cpu`` or a CUDA device.
        say: takes a line for each step.
        pictures: the folder where the pictures are now; None: see `find_root`.

    Returns:
        the pictures' ids, and how stable they are.

    Raises:
        PipelineError: if it is no result or of another version, or a part of it is missing or damaged.
    """
    settings = params.read(CollectionSettings, params.DEFAULTS, partial=True).cluster
    choice = settings.robustness
    check_kinds(choice.kinds, "params.yaml: cluster.robustness.kinds")
    open_desk(collection)
    up_to_date(collection, say)
    with collection.alone():
        given = read_result(collection, settings, device)
        there = _pictures(given, settings, pictures, say)
        embedder = _embedder(given) if there is not None and there.records else None
        planned = _planned(given, there, embedder)
        trials = _made(given, planned, there, embedder, say)
        found = measured(given.clusters, given.confidences, trials)
        disturbed = [trial for trial in trials if trial.kind not in REFITS]
        tried = min((len(trial.rows) for trial in disturbed), default=0)
        about = {
            "pictures": len(given.records),
            "disturbed": tried,
            "lost": 0 if there is None else there.lost + len(there.rows) - tried,
            "repeats": choice.repeats,
            "percent": round(100 * choice.share),
            "method": given.fit.method,
            "settings": asdict(choice),
        }
        ids = [record.id for record in given.records]
        write_stability(collection, given.key, ids, found, about)
        remake(collection, say)
    return ids, found


def read_result(collection: Collection, settings: ClusterSettings, device: str) -> Result:
    """Reads what is tried.

    Raises:
        PipelineError: see `measure`.
    """
    method, about = method_of(collection), read_json(collection.about, "pipeline cluster")
    pictures, records = open_desk(collection).pictures, read_list(collection.images)
    features = open_features(features_of(collection))
    embeddings, layout = features.read(SPLIT), read_layout(collection.layout)
    runs = read_runs(collection.predictions / method, "pipeline cluster")
    ids = [record.id for record in records]
    if not (embeddings.ids == ids == list(pictures.paths) and len(layout.neighbours) == len(runs) == len(ids)):
        raise PipelineError(
            f"{collection.folder}: its table, cache and map are not of the same pictures; run 'pipeline cluster' on "
            "the pictures again"
        )
    own = pictures.clusters
    (sure,) = confidences(layout.neighbours, layout.distances, runs, own, [own])
    try:
        fitted = params.read_section(Section(about["fit"], "fit", str(collection.about)), FitSettings)
        dataset = DatasetSettings(int(about["clusters"]), float(about["balance_weight"]), None, settings.geometry)
    except (PipelineError, LookupError, TypeError, ValueError) as error:
        raise PipelineError(
            f"{collection.about}: not fitted by this version ({error}); run 'pipeline cluster' on the pictures again"
        ) from None
    parts = tuple(part.manifest.dim for part in features.parts)
    fit = Fit(method, fitted, settings, dataset, parts, device)
    return Result(collection, records, features, embeddings.views, own, sure, fit, about)


def _pictures(given: Result, settings: ClusterSettings, place: Path | None, say: Say) -> There | None:
    """The pictures to disturb; None: there are embeddings alone."""
    if not all(record.digest for record in given.records):
        say(f"{given.collection.folder}: made of embeddings, so there is no picture to disturb; the fits alone")
        return None
    there = find_pictures(given.records, find_root(given.collection, given.records, place), settings.robustness)
    if there.lost:
        of = f"{there.lost:,} of {len(there.rows) + there.lost:,} pictures to disturb"
        alone = "" if there.records else "; the fits alone"
        say(f"{of} are gone or have changed, and are left out{alone}; --pictures says where they are now", err=True)
    return there


def _planned(given: Result, there: There | None, embedder: Embedder | None) -> list[Planned]:
    """All trials."""
    settings, show = given.fit.choice.robustness, progress_line(given.collection.name)

    def watch(name: str) -> Callable[[str], None]:
        return lambda text: show(f"{name}, {text}")

    contents = contents_of(given.collection, given.features)
    planned = refits(given.fit, given.views, contents, given.clusters, watch)
    if there is None or embedder is None:
        return planned
    model = load_model(given.collection.head / HEAD, METHODS).model
    dim = given.views.shape[2]
    outputs = model.logits(np.zeros((1, dim), np.float32)).shape[1]
    numbers = read_rules(given.collection.head, outputs, dim).numbers

    def clusters_of(rows: np.ndarray) -> np.ndarray:
        return numbers.of(model.logits(rows).argmax(1))

    return [*disturbances(there, embedder, clusters_of, settings), *planned]


def _embedder(given: Result) -> Embedder:
    """What embeds pictures for the saved head.

    Raises:
        PipelineError: if the head is not of this cache, or its backbone is another one here.
    """
    saved = load_model(given.collection.head / HEAD, METHODS)
    if not takes(saved, given.features.folder):
        raise PipelineError(
            f"{given.collection.head}: fitted on other embeddings than lie in the cache; run 'pipeline cluster' on the "
            "pictures again"
        )
    return Embedder(saved.embedding, given.fit.device, str(given.collection.head))


def _made(
    given: Result, planned: Sequence[Planned], there: There | None, embedder: Embedder | None, say: Say
) -> list[Trial]:
    """Makes the trials; those that were made before are taken, and each other one is kept as it ends."""
    store = Store(given.collection.trials, [given.key, code_digest()])
    kept = {plan.name: store.read(plan.name, plan.made_from) for plan in planned}
    missing = [plan for plan in planned if kept[plan.name] is None]
    fit = given.about.get("seconds", {}).get(given.fit.method)
    each = 0.0
    if embedder is not None and there is not None and any(plan.kind not in REFITS for plan in missing):
        each = pace(there, embedder, given.fit.choice.robustness)
    say(cost(missing, given.fit.method, each, fit), err=True)
    trials, shows = [], progress_line(given.collection.name)
    for plan in planned:
        part = kept[plan.name]
        if part is not None:
            trials.append(Trial(plan.kind, part.arrays["rows"], part.arrays["clusters"]))
            continue
        if plan.kind not in REFITS:
            shows(plan.name)
        began = time.monotonic()
        trial = plan.make()
        trials.append(trial)
        if len(trial.rows) == plan.count:
            store.write(plan.name, plan.made_from, Part(None, {"rows": trial.rows, "clusters": trial.clusters}))
        if plan.kind in REFITS and fit is None:
            fit = time.monotonic() - began
            left = sum(other.kind in REFITS for other in missing) - 1
            say(f"{left:,} fits left: {duration(left * fit)}", err=True)
    return trials
