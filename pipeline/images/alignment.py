"""Lays pictures over parts of others: where one fits best, and how far it then differs."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import NamedTuple

import numpy as np

from pipeline.images.signatures import reduced

COARSE = 8
"""Values a side that a part is looked for with."""
SHARES = {1.0: 1, 0.9: 3, 0.8: 3}
"""Of a side, that a part may have, and at how many places along the side it is tried."""
ROUNDS, STEP = 4, 0.01
"""In which the edges of a part are moved to fit better, and the share of a side that tells which way."""
FARTHEST = 0.1
"""Of a side, that an edge is moved at once."""
LEAST = 0.5
"""Of a side, that a part keeps."""
HOPE, LEAST_FIT = 3.0, 0.9
"""A part is given up where its correlation, and so many times what the last round gained, come to less."""
BLOCKS = 8
"""A side; the one that differs most counts."""
FAINT = 4.0
"""Grey levels: a picture whose values deviate less is blank, and noise is no difference."""
CALM = 0.1, 6.0
"""A block counts as deviating by this share of the picture's deviation and these levels more, or noise would count."""
AT_ONCE = 256
"""Pairs that are in memory together."""


class Difference(NamedTuple):
    """How far pictures differ, float (n,) each, 0 for not at all: the root of the mean square in the worst block."""

    of_all: np.ndarray
    """As a share of the deviation of the picture."""
    of_block: np.ndarray
    """As a share of the deviation of the block: tells textures in the same outline apart."""


def placed(wholes: np.ndarray, others: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in one picture another fits best, of a few places; seen with few values, so that it is fast.

    Args:
        wholes: (n, side, side), grey values.
        others: (m, side, side).
        pairs: int (pairs, 2), a row of each.

    Returns:
        the correlations, float32 (pairs,), and the edges, (pairs, 4).
    """
    windows, makes = _windows(wholes.shape[1])
    small = _normed(reduced(others, COARSE))
    best = np.empty(len(pairs), np.float32)
    edges = np.empty((len(pairs), 4), np.float32)
    order = np.argsort(pairs[:, 0], kind="stable")
    for start in range(0, len(pairs), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        used, which = np.unique(pairs[rows, 0], return_inverse=True)
        parts = wholes[used].reshape(len(used), -1).astype(np.float32) @ makes
        seen = _normed(parts.reshape(-1, COARSE**2)).reshape(len(used), len(windows), -1)
        found = (seen[which] @ small[pairs[rows, 1], :, None])[..., 0]
        best[rows], edges[rows] = found.max(1), windows[found.argmax(1)]
    return best, edges


def moved(wholes: np.ndarray, others: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moves the edges of parts to where they fit best, by Gauss and Newton; gives up where they will not fit.

    Args:
        wholes: (n, side, side), grey values.
        others: (n, side, side), each a part of one of these.
        edges: (n, 4), about where, see `placed`.

    Returns:
        the edges, (n, 4), and the rows that fit at all, int.
    """
    side, wanted, wholes = wholes.shape[1], _normed(others), wholes.astype(np.float32)
    edges, reach, hopeful = edges.copy(), np.full(len(edges), FARTHEST, np.float32), np.arange(len(edges))
    found = _normed(_parts(wholes, edges, side))
    fits = np.einsum("nv,nv->n", found, wanted)
    for _ in range(ROUNDS):
        step = _step(wholes[hopeful], wanted[hopeful], edges[hopeful], found[hopeful])
        step *= np.minimum(1, reach[hopeful] / np.maximum(np.abs(step).max(1), 1e-9))[:, None]
        tried = _allowed(edges[hopeful] + step)
        there = _normed(_parts(wholes[hopeful], tried, side))
        gain = np.einsum("nv,nv->n", there, wanted[hopeful]) - fits[hopeful]
        better = gain > 0
        rows = hopeful[better]
        edges[rows], found[rows] = tried[better], there[better]
        fits[rows] += gain[better]
        reach[hopeful[~better]] /= 4
        hopeful = hopeful[fits[hopeful] + HOPE * np.maximum(gain, 0) >= LEAST_FIT]
    return edges, hopeful[fits[hopeful] >= LEAST_FIT]


def _step(wholes: np.ndarray, wanted: np.ndarray, edges: np.ndarray, found: np.ndarray) -> np.ndarray:
    """By how much each edge is to be moved, (n, 4), so that parts, `found`, become what is `wanted`, both normed."""
    side = wholes.shape[1]
    # An edge of the rows leaves the columns as they are, and the other way round.
    of_rows, of_columns = (_weights(edges[:, a], edges[:, a + 1], side, side) for a in (0, 2))
    lines, posts = wholes @ of_columns.swapaxes(1, 2), of_rows @ wholes
    slopes = np.empty((len(edges), 4, side**2), np.float32)
    for edge in range(4):
        by = STEP if edge % 2 == 0 else -STEP  # Inwards.
        nearby = edges[:, :2].copy() if edge < 2 else edges[:, 2:].copy()
        nearby[:, edge % 2] += by
        weights = _weights(nearby[:, 0], nearby[:, 1], side, side)
        part = weights @ lines if edge < 2 else posts @ weights.swapaxes(1, 2)
        slopes[:, edge] = (_normed(part) - found) / by
    square = slopes @ slopes.swapaxes(1, 2) + 1e-3 * np.eye(4, dtype=np.float32)
    result: np.ndarray = np.linalg.solve(square, slopes @ (wanted - found)[..., None])[..., 0]
    return result


def _allowed(edges: np.ndarray) -> np.ndarray:
    """Edges inside the picture, with a part of `LEAST` of its side between them at least."""
    edges = np.clip(edges, 0, 1)
    edges[:, ::2] = np.minimum(edges[:, ::2], 1 - LEAST)
    edges[:, 1::2] = np.maximum(edges[:, 1::2], edges[:, ::2] + LEAST)
    return edges


def difference(wholes: np.ndarray, others: np.ndarray, edges: np.ndarray | None = None, count: int = 0) -> Difference:
    """How far pictures differ from parts of others in their grey values.

    Args:
        wholes: (n, side, side).
        others: (n, side, side).
        edges: (n, 4), of the parts; None: all of a picture.
        count: values a side that are compared; a multiple of `BLOCKS`, 0: as many as there are.
    """
    side = count or others.shape[1]
    one = reduced(wholes, side) if edges is None else _parts(wholes, edges, side)
    other = reduced(others, side)

    def blocks(values: np.ndarray) -> np.ndarray:
        each = side // BLOCKS
        return values.reshape(len(values), BLOCKS, each, BLOCKS, each)

    left = np.square(blocks(one - other)).mean((2, 4))
    deviation = np.maximum(other.std((1, 2)), FAINT)[:, None, None]
    share, levels = CALM
    local = np.maximum(blocks(one).var((2, 4)), blocks(other).var((2, 4))) + (share * deviation) ** 2 + levels**2
    return Difference(np.sqrt(left.max((1, 2))) / deviation[:, 0, 0], np.sqrt((left / local).max((1, 2))))


def _normed(pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, ...) as float32 (n, values), less their mean, of length 1; all 0 where one is of one grey."""
    flat: np.ndarray = pictures.reshape(len(pictures), prod(pictures.shape[1:])).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.sqrt(np.einsum("nv,nv->n", flat, flat)), 1e-6)[:, None]
    return flat


@cache
def _windows(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The parts that are tried, (windows, 4), and what makes them of pictures: (side * side, windows * values)."""
    found = []
    for share, places in SHARES.items():
        starts = np.linspace(0, 1 - share, places)
        found += [(y, y + share, x, x + share) for y in starts for x in starts]
    windows = np.array(found, np.float32)
    rows, columns = (_weights(windows[:, a], windows[:, a + 1], side, COARSE) for a in (0, 2))
    makes = np.einsum("wur,wvc->rcwuv", rows, columns).reshape(side * side, -1)
    return windows, np.ascontiguousarray(makes)


def _weights(first: np.ndarray, last: np.ndarray, side: int, count: int) -> np.ndarray:
    """What makes `count` values of the part from `first` to `last`, both in 0..1, of `side` ones: (n, count, side)."""
    long = (last - first)[:, None]
    edges = side * (first[:, None] + long * np.linspace(0, 1, count + 1, dtype=np.float32))
    # How much of each pixel lies before each edge.
    before = edges[:, :, None] - np.arange(side, dtype=np.float32)
    np.clip(before, 0, 1, out=before)
    made: np.ndarray = before[:, 1:] - before[:, :-1]
    made *= count / (side * long[:, :, None])
    return made


def _parts(pictures: np.ndarray, edges: np.ndarray, count: int) -> np.ndarray:
    """The part of each picture between its edges, float32 (n, count, count)."""
    side = pictures.shape[1]
    rows, columns = (_weights(edges[:, a], edges[:, a + 1], side, count) for a in (0, 2))
    result: np.ndarray = rows @ pictures.astype(np.float32) @ columns.swapaxes(1, 2)
    return result
