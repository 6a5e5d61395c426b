"""The nearest rows to a row, by Euclidean distance, exactly (faiss)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import faiss
import numpy as np

from pipeline.base.kept import Part, Store

AT_LEAST = 16
"""So many neighbours are looked for where fewer are asked for: what methods ask for is then there from the first on."""


def nearest(rows: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows to each query.

    faiss takes the queries in blocks, so that no more than a block of the distances between all is in memory.

    Args:
        rows: float (n, dim).
        queries: float (m, dim).
        count: how many to give; at most n are.

    Returns:
        numbers of the rows, int64 (m, count), the nearest first and of equals the lower first, and their Euclidean
        distances, float32 (m, count).
    """
    index = faiss.IndexFlatL2(rows.shape[1])
    index.add(np.ascontiguousarray(rows, dtype=np.float32))
    squares, found = index.search(np.ascontiguousarray(queries, dtype=np.float32), min(count, len(rows)))
    distances = np.sqrt(np.maximum(squares, 0))
    order = np.lexsort((found, distances), axis=1)
    return np.take_along_axis(found, order, 1), np.take_along_axis(distances, order, 1)


def neighbours(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other rows of each row.

    Args:
        rows: float (n, dim), at least 2.
        count: how many to give; at most n - 1 are.

    Returns:
        numbers of the rows, int64 (n, count), and their Euclidean distances, float32 (n, count), as of `nearest`.
    """
    count = min(count, len(rows) - 1)
    found, distances = nearest(rows, rows, count + 1)
    # A row is not always its own nearest: others may be equal to it, and then it may be missing from its list.
    others = found != np.arange(len(rows))[:, None]
    others[others.all(1), -1] = False
    return found[others].reshape(-1, count), distances[others].reshape(-1, count)


class Neighbours:
    """The nearest other rows of each row, looked for when they are first asked for, and kept."""

    def __init__(self, rows: Callable[[], np.ndarray], store: Store | None = None, images: str = "all") -> None:
        """Nothing is looked for yet.

        Args:
            rows: gives the rows, float (n, dim), at least 2; it is called when they are first needed.
            store: where they are kept for other processes; its parts are all made from the same embeddings.
            images: which of these the rows are.
        """
        self._rows = cache(rows)
        self._store, self._images = store, images
        self._found: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def nearest(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """See `neighbours`."""
        wanted = max(count, AT_LEAST)
        if wanted not in self._found:
            self._found[wanted] = self._stored(wanted) or self._looked_for(wanted)
        found, distances = self._found[wanted]
        return found[:, :count], distances[:, :count]

    def _stored(self, count: int) -> tuple[np.ndarray, np.ndarray] | None:
        part = self._store.read(*self._named(count)) if self._store else None
        return None if part is None else (part.arrays["found"], part.arrays["distances"])

    def _looked_for(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        found, distances = neighbours(self._rows(), count)
        if self._store:
            self._store.write(*self._named(count), Part(None, {"found": found, "distances": distances}))
        return found, distances

    def _named(self, count: int) -> tuple[str, str]:
        return f"shared/neighbours-{count}-{self._images}", self._images
