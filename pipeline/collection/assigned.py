"""The head of an earlier fit assigns the pictures that are there now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.collection.matching import Pictures, common
from pipeline.collection.result import SPLIT, Collection
from pipeline.config.names import HEAD, OWN
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.heads.predictions import best_two, read_assignments, read_runs, write_choices
from pipeline.heads.saved import SavedModel, load_model
from pipeline.images.listing import read_list
from pipeline.methods import METHODS


def saved_head(collection: Collection, method: str) -> tuple[Path, SavedModel]:
    """The head as it was fitted, and its file.

    Raises:
        PipelineError: if it is missing or damaged.
    """
    path = collection.heads / method / HEAD
    return path, load_model(path, METHODS)


def takes(saved: SavedModel, features: Path) -> bool:
    """Whether a head was fitted on embeddings that are made in the same way."""
    return _ways(open_features(features).describe()["parts"]) == _ways(saved.embedding["parts"])


def _ways(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How embeddings are made, by backbone; of those that were brought the hash of their file is none of it."""
    return [part if part["backbone"] != OWN else {**part, "weights_sha256": ""} for part in parts]


def assign(collection: Collection, method: str, saved: SavedModel, features: Path, last: Pictures | None) -> None:
    """Writes what a head says of the pictures in the place of what it said of the last run's.

    Args:
        collection: with the list of the pictures that are there now.
        method: the method.
        saved: its head.
        features: the cache of these pictures.
        last: the pictures of the last run; None: nobody knows.
    """
    clean = open_features(features).read(SPLIT).clean
    records = read_list(collection.images)
    now = Pictures([record.id for record in records], [record.digest for record in records], np.empty(0))
    logits = saved.model.logits(clean)
    order, best = best_two(logits, saved.model.confidences(logits))
    runs = order[:, :1]
    folder = collection.predictions / method
    if last is not None and read_assignments(folder).ids == list(last.paths):
        former = read_runs(folder)
        runs = runs if former.shape[1] == 1 else _runs(former, common(last, now), clean, runs)
    write_choices(folder, now.paths, [SPLIT] * len(now.paths), order, best, runs)


def _runs(former: np.ndarray, pairs: np.ndarray, clean: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """What each run said of the pictures; a new one is with the nearest of those that the run saw (ours).

    Only the kept run left a head. What is shown as confidence asks all of them.
    """
    known, new = np.flatnonzero(pairs >= 0), np.flatnonzero(pairs < 0)
    if not len(known):
        return choices
    runs = np.empty((len(pairs), former.shape[1]), dtype=former.dtype)
    runs[known] = former[pairs[known]]
    seen = unit_length(clean[known])
    for row in new.tolist():
        runs[row] = runs[known[(seen @ unit_length(clean[row : row + 1])[0]).argmax()]]
    return runs
