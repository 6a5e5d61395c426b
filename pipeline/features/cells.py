"""The nearest other rows of each of many rows, nearly all of them: rows are compared with those of the cells around.

The cells are k-means', as of an inverted file (Jégou, Douze and Schmid, Product quantization for nearest neighbor
search, 2011). All rows of a cell look into the same cells (ours), so that a comparison is a product of matrices. The
time grows with the number of rows, where that of `pipeline.features.neighbours` grows with its square.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
import torch

from pipeline.features.neighbours import nearest, neighbours

EXACT = 20_000
"""Up to so many rows each is compared with all."""
ROWS = 500
"""Of a cell, on average."""
AROUND = 16
"""Cells that a row is compared with, its own counted."""
ITERATIONS, SAMPLE = 10, 64
"""Of k-means, and rows a cell that it sees."""
AT_ONCE = 1 << 23
"""Distances in memory together."""


def near_neighbours(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other rows of each row: all of them of `EXACT` rows or fewer, and otherwise those in near cells.

    Args:
        rows: float (n, dim), at least 2.
        count: how many to give; at most n - 1 are.

    Returns:
        as of `pipeline.features.neighbours.neighbours`, with exact distances.
    """
    if len(rows) <= EXACT:
        return neighbours(rows, count)
    count = min(count, len(rows) - 1)
    lines = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
    squares = torch.linalg.vector_norm(lines, dim=1).square()
    found, distances = np.empty((len(rows), count), np.int64), np.empty((len(rows), count), np.float32)
    for own, others in _compared(lines.numpy(), count + 1):
        there, lengths = lines[others].T, squares[others]
        for first in range(0, len(own), max(1, AT_ONCE // len(others))):
            some = own[first : first + max(1, AT_ONCE // len(others))]
            apart = torch.addmm(lengths, lines[some], there, alpha=-2)
            numbers = torch.arange(len(some))
            apart[numbers, first + numbers] = torch.inf  # Its own rows come first among those of a cell.
            least, places = apart.topk(count, largest=False)
            found[some] = others[places]
            distances[some] = (least + squares[some, None]).clamp_(min=0).sqrt_()
    order = np.lexsort((found, distances), axis=1)
    return np.take_along_axis(found, order, 1), np.take_along_axis(distances, order, 1)


def _compared(rows: np.ndarray, least: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The rows of each cell, and those that they are compared with: themselves first, and `least` at least."""
    cells = len(rows) // ROWS
    kmeans: Any = faiss.Kmeans(
        rows.shape[1], cells, niter=ITERATIONS, seed=0, max_points_per_centroid=SAMPLE, min_points_per_centroid=1
    )
    kmeans.train(rows)
    cell = nearest(kmeans.centroids, rows, 1)[0][:, 0]
    sizes = np.bincount(cell, minlength=cells)
    members = np.split(np.argsort(cell, kind="stable"), sizes.cumsum()[:-1])
    for own in np.flatnonzero(sizes):
        away = np.linalg.norm(kmeans.centroids - kmeans.centroids[own], axis=1)
        away[own] = -1  # Of two cells in one place, it is the first.
        order = np.argsort(away, kind="stable")
        enough = max(AROUND, int(np.searchsorted(sizes[order].cumsum(), least)) + 1)
        others = np.concatenate([members[each] for each in order[:enough]])
        yield torch.from_numpy(members[own]), torch.from_numpy(others)
