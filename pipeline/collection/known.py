"""The pictures of a result that a new one is compared with, to say how sure its cluster is: as `cluster` says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.collection.confidence import supported, sure
from pipeline.collection.layout import read_layout
from pipeline.collection.remade import features_of, method_of
from pipeline.collection.result import SPLIT, result_of
from pipeline.collection.tables import read_shown
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import nearest
from pipeline.heads.predictions import read_runs
from pipeline.images.listing import read_list

NONE = -1
"""The cluster of what is set aside."""


@dataclass(frozen=True)
class Known:
    """The pictures of a result, in the order of its list."""

    rows: np.ndarray
    """float32 (n, dim), their embeddings of length one."""
    keys: list[str]
    """What each is known by: its digest, or where there is none its id."""
    clusters: np.ndarray
    """int (n,), the numbers of their clusters as people see them, `NONE` of those that are set aside."""
    support: np.ndarray
    """float (n,), see `confidence.supported`."""
    count: int
    """Of the nearest pictures to look at."""

    def confidences(self, rows: np.ndarray, keys: Sequence[str], asked: Sequence[np.ndarray]) -> list[np.ndarray]:
        """How sure it is that pictures belong to clusters, float (m,) each.

        Args:
            rows: float (m, dim), the embeddings of the pictures.
            keys: of each, as `keys`: it does not count as near to itself.
            asked: int (m,) each, numbers of clusters.
        """
        found, distances = nearest(self.rows, unit_length(rows.astype(np.float32)), self.count + 1)
        own = np.array(self.keys)[found] == np.array(keys)[:, None]
        own &= own.cumsum(1) == 1
        own[~own.any(1), -1] = True
        shape = (len(found), self.count)
        return sure(found[~own].reshape(shape), distances[~own].reshape(shape), self.clusters, self.support, asked)


def known_to(head: Path, embedding: dict[str, Any]) -> Known | None:
    """The pictures of the result that a head lies in; None: it lies alone, or what they need is not there.

    Args:
        head: the file of the head.
        embedding: what its embeddings were made with.
    """
    collection = result_of(head)
    if collection is None or head.resolve().parent != collection.head.resolve():
        return None
    try:
        features, records = open_features(features_of(collection)), read_list(collection.images)
        layout, cache, shown = read_layout(collection.layout), features.read(SPLIT, 0), read_shown(collection)
        runs = read_runs(collection.predictions / method_of(collection))
    except PipelineError:  # The head does without.
        return None
    near, ids = layout.neighbours, [record.id for record in records]
    if not (features.describe() == embedding and cache.ids == ids and len(near) == len(runs) == len(ids)):
        return None
    if not near.shape[1]:
        return None
    cluster_of = dict(zip(shown.ids, shown.clusters.tolist(), strict=True))
    clusters = np.array([cluster_of.get(each, NONE) for each in ids], dtype=np.int64)
    support = supported(near, layout.distances, runs, clusters)
    return Known(
        unit_length(cache.clean), [record.digest or record.id for record in records], clusters, support, near.shape[1]
    )
