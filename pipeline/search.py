"""The nearest rows to a row, by Euclidean distance, exactly (faiss)."""

from __future__ import annotations

import faiss
import numpy as np


def nearest(rows: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows to each query.

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
