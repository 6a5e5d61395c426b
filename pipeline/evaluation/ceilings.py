"""What labels would give: the accuracy of two supervised models on embeddings, by cross-validation.

They read labels, so they are no methods but a measure of the embeddings, for the evaluation alone: a bound on what a
clustering of them can be expected to reach.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from pipeline.base.errors import PipelineError
from pipeline.evaluation.settings import CeilingSettings
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import nearest


def probe_accuracy(embeddings: np.ndarray, classes: np.ndarray, settings: CeilingSettings) -> float:
    """Mean accuracy over the folds, 0..1, of a linear model on standardised embeddings.

    The model is ridge regression on the classes as -1 and 1, which is solved at once.

    Args:
        embeddings: float (n, dim), clean.
        classes: int (n,).
        settings: folds and their seed, and the penalty.

    Raises:
        PipelineError: if there is one class alone, or a class has fewer images than there are folds.
    """
    rows = embeddings.astype(np.float32)
    accuracies = []
    with threadpool_limits(1):
        for train, test in _folds(classes, settings):
            # The features have variance 1, so the penalty is one a training image: it means the same for any number.
            model = make_pipeline(StandardScaler(), RidgeClassifier(settings.penalty * len(train)))
            accuracies.append(float(model.fit(rows[train], classes[train]).score(rows[test], classes[test])))
    return float(np.mean(accuracies))


def neighbour_accuracy(embeddings: np.ndarray, classes: np.ndarray, settings: CeilingSettings) -> float:
    """Mean accuracy over the folds, 0..1, of the vote of the nearest embeddings of length 1.

    Of classes with equal votes the lowest wins.

    Args:
        embeddings: float (n, dim), clean.
        classes: int (n,).
        settings: folds and their seed, and how many neighbours vote.

    Raises:
        PipelineError: as `probe_accuracy`.
    """
    rows = unit_length(embeddings.astype(np.float32))
    numbers = np.unique(classes, return_inverse=True)[1]
    accuracies = []
    with threadpool_limits(1):
        for train, test in _folds(numbers, settings):
            found, _ = nearest(rows[train], rows[test], settings.neighbours)
            votes = np.zeros((len(test), numbers.max() + 1), np.int64)
            np.add.at(votes, (np.arange(len(test))[:, None], numbers[train][found]), 1)
            accuracies.append(float((votes.argmax(1) == numbers[test]).mean()))
    return float(np.mean(accuracies))


def _folds(classes: np.ndarray, settings: CeilingSettings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit on and rows to score, for each fold."""
    sizes = np.unique(classes, return_counts=True)[1]
    if len(sizes) < 2 or sizes.min() < settings.folds:
        raise PipelineError(
            f"ceilings: expected two classes or more with at least {settings.folds} images each, found {len(sizes)}, "
            f"the smallest with {sizes.min()}; leave the ceilings out, or lower studies.ceilings.folds in params.yaml"
        )
    folds = StratifiedKFold(settings.folds, shuffle=True, random_state=settings.seed)
    yield from folds.split(np.zeros(len(classes)), classes)
