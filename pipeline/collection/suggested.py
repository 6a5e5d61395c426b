"""The suggested names of a result, kept beside it: made by each run of `cluster`, and read by whatever comes after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from pipeline.backbones.classifier import read_classifier
from pipeline.backbones.registry import BACKBONES
from pipeline.backbones.weights import find_weights, weights_are_here
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_json
from pipeline.collection.fill_cache import Say
from pipeline.collection.kept_nouns import kept_nouns
from pipeline.collection.nouns import find_nouns
from pipeline.collection.result import Collection
from pipeline.collection.suggestions import Classes, suggest
from pipeline.features.cache import Features
from pipeline.images.facts import Facts


def suggested(
    collection: Collection,
    features: Features,
    paths: Sequence[str],
    clusters: Sequence[int | None],
    clean: np.ndarray,
    facts: Sequence[Facts | None],
    anew: bool,
    say: Say,
) -> dict[str, Any]:
    """The suggestions for the clusters as people see them, by their numbers as texts.

    Args:
        collection: where they are kept.
        features: the cache.
        paths: of the pictures, as text.
        clusters: the number of each; None: it is set aside.
        clean: float (n, dim), their clean embeddings.
        facts: of the pictures.
        anew: whether to make them, which takes seconds; otherwise those that were made before are given.
        say: takes a line about what takes minutes.
    """
    if not anew:
        try:
            known: dict[str, Any] = read_json(collection.suggestions, "pipeline cluster")
            return known
        except PipelineError:  # There are none, and nothing depends on them.
            return {}
    shown = [row for row, number in enumerate(clusters) if number is not None]
    numbers = np.array([clusters[row] for row in shown], dtype=np.int64)
    ways = [PurePath(paths[row]).as_posix() for row in shown]
    taken = [each.taken if each else "" for each in (facts[row] for row in shown)]
    found = suggest(ways, numbers, taken, _classes(collection, features, clean[shown], say))
    plain = {str(number): suggestion.plain() for number, suggestion in sorted(found.items())}
    write_json(collection.suggestions, plain)
    return plain


def _classes(collection: Collection, features: Features, clean: np.ndarray, say: Say) -> list[Classes]:
    """What the classifier of the backbone says of embeddings, or its text tower; of a mix none is asked."""
    backbone = BACKBONES.get(features.backbone)
    if backbone is None or not weights_are_here(backbone):
        return []
    if backbone.classifier is not None:
        classifier = read_classifier(backbone, find_weights(backbone)[0])
        assert classifier is not None, "its entry names one"
        return [Classes("classes", classifier.names, lambda rows: classifier.probabilities(clean[rows]))]
    nouns = find_nouns() if backbone.text_tower else []
    if not nouns:
        return []
    path, sha256 = find_weights(backbone)
    model = kept_nouns(collection.layout.parent, backbone, path, sha256, nouns, say)
    return [Classes("text", nouns, lambda rows: model.confidences(model.logits(clean[rows])))]
