"""Near-duplicates: groups of pictures that are one picture in another size, orientation, colour, part or format.

Ours. Pictures whose spectra or embeddings are close are candidates. Two are taken for one where the one, turned as the
spectra say, differs little from the other or from a part of it in every block of grey values, and in colour where both
have one. So blank pictures, textures and series of similar icons, whose embeddings are as close, are not.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import faiss
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.images.alignment import AT_ONCE, FAINT, Difference, difference, moved, placed
from pipeline.images.signatures import BACK, ORIENTATIONS, REDUCED, Signatures, reduced, spectra, turned, turned_spectra

CANDIDATES, LEAST_COSINE = 5, 0.6
"""Nearest pictures by spectrum that are looked at in each orientation, and how near they are."""
FARTHEST = 0.7
"""Distance of embeddings of length 1 up to which neighbours are looked at."""
WHOLE_COSINE = 0.9
"""Of spectra, from which on two pictures may be one as they are."""
WHOLE_LIMITS = Difference(np.array(0.3), np.array(0.4))
PART_CORRELATION = 0.9
"""With few values, from which on a picture may be a part of another."""
PART_LIMITS = Difference(np.array(0.5), np.array(0.5))
"""More than above, as a part of a small picture is less exact than all of it."""
LARGEST_PART = 0.92
"""Of the area; what keeps more is to lie on all of the other, or slightly different pictures would be parts."""
WHOLE_ASPECT, PART_ASPECT = 0.15, 0.35
"""Logarithms by which aspects may differ: that of a thumbnail is rounded, a part may have another."""
COLOURLESS = 2.0
"""Levels of colour below which a picture counts as grey, and any colour fits."""
COLOUR_SHARE, COLOUR_LEVELS = 0.5, 3.0
"""By which share of the fainter one's colour, and levels beyond that, colours may differ."""


@dataclass(frozen=True)
class Candidates:
    """Pairs of pictures, one a row."""

    pairs: np.ndarray
    """int (n, 2), the lower row first."""
    orientations: np.ndarray
    """int (n,), in which the first looks like the second; see `signatures.turned`."""
    cosines: np.ndarray
    """float (n,), of the spectra then."""

    def __getitem__(self, rows: np.ndarray) -> Candidates:
        return Candidates(self.pairs[rows], self.orientations[rows], self.cosines[rows])

    def __len__(self) -> int:
        return len(self.pairs)


def grouped(count: int, pairs: np.ndarray) -> np.ndarray:
    """Groups of pictures that are joined by pairs, also by way of others.

    Args:
        count: of the pictures.
        pairs: int (n, 2), rows of two pictures.

    Returns:
        int (count,), numbers from 0 in the order of the groups' first pictures; -1: in no pair.
    """
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, groups = connected_components(graph, directed=False)
    _, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    numbers = np.full(len(sizes), -1)
    several = np.argsort(np.where(sizes > 1, first, count), kind="stable")[: int((sizes > 1).sum())]
    numbers[several] = np.arange(len(several))
    result: np.ndarray = numbers[groups]
    return result


def close(near: np.ndarray, distances: np.ndarray, limit: float) -> np.ndarray:
    """The pairs, int (n, 2), of rows and their neighbours, (m, count), within a distance."""
    ones, which = np.nonzero(distances <= limit)
    return np.stack([ones, near[ones, which]], 1)


def same_pictures(signatures: Signatures, near: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """The pairs of pictures that are nearly the same, int (n, 2).

    Files of the same bytes are, also where they are blank.

    Args:
        signatures: of the pictures.
        near: int (pictures, count), neighbours by embedding.
        distances: float (pictures, count), theirs.
    """
    found = candidates(signatures, close(near, distances, FARTHEST))
    found = found[_alike_in_colour(signatures, found)]
    apart = _apart(signatures, found)
    whole = np.zeros(len(found), bool)
    rows = np.flatnonzero((found.cosines >= WHOLE_COSINE) & (apart <= WHOLE_ASPECT))
    whole[rows] = _are_whole(signatures, found[rows])
    left = found[~whole & (apart <= PART_ASPECT)]
    again = np.flatnonzero(signatures.firsts != np.arange(len(signatures.firsts)))
    same = np.stack([signatures.firsts[again], again], 1)
    return np.concatenate([same, found.pairs[whole], left.pairs[_are_parts(signatures, left)]])


def candidates(signatures: Signatures, others: np.ndarray) -> Candidates:
    """Pairs that may be one picture: by their spectra in the orientation that fits best, and `others` as they are."""
    flat = reduced(signatures.grey).std((1, 2)) < FAINT
    upright = spectra(signatures.grey)
    rows = upright.reshape(len(upright), -1)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(np.ascontiguousarray(rows))
    found = []
    for orientation in range(ORIENTATIONS):
        queries = np.ascontiguousarray(turned_spectra(upright, orientation).reshape(rows.shape))
        cosines, near = index.search(queries, min(CANDIDATES + 1, len(rows)))
        ones, which = np.nonzero(cosines >= LEAST_COSINE)
        twos = near[ones, which]
        back = np.where(ones < twos, orientation, BACK[orientation])
        found.append((np.minimum(ones, twos), np.maximum(ones, twos), back, cosines[ones, which]))
    first, second, orientations, nearness = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((orientations, -nearness, second, first))
    _, best = np.unique(np.stack([first, second], 1)[order], axis=0, return_index=True)
    best = order[best]
    pairs = np.concatenate([np.stack([first, second], 1)[best], np.sort(others, 1)])
    orientations = np.concatenate([orientations[best], np.zeros(len(others), int)])
    _, once = np.unique(np.column_stack([pairs, orientations]), axis=0, return_index=True)
    pairs, orientations = pairs[once], orientations[once]
    looked = (pairs[:, 0] != pairs[:, 1]) & ~flat[pairs].any(1) & (signatures.aspect[pairs] > 0).all(1)
    pairs, orientations = pairs[looked], orientations[looked]
    cosines = np.empty(len(pairs), np.float32)
    for orientation in range(ORIENTATIONS):
        of = orientations == orientation
        one = turned_spectra(upright[pairs[of, 0]], orientation).reshape(-1, rows.shape[1])
        cosines[of] = (one * rows[pairs[of, 1]]).sum(1)
    return Candidates(pairs, orientations, cosines)


def _apart(signatures: Signatures, found: Candidates) -> np.ndarray:
    """By how much the aspects of pairs differ: the logarithm of their ratio."""
    logs = np.log(np.maximum(signatures.aspect, 1e-6))
    first = np.where(found.orientations & 4, -1, 1) * logs[found.pairs[:, 0]]
    result: np.ndarray = np.abs(first - logs[found.pairs[:, 1]])
    return result


def _turned_each(values: np.ndarray, orientations: np.ndarray) -> np.ndarray:
    """Pictures (n, side, side, ...), each in its orientation."""
    result = np.empty_like(values)
    for orientation in range(ORIENTATIONS):
        of = orientations == orientation
        result[of] = turned(values[of], orientation)
    return result


def _alike_in_colour(signatures: Signatures, found: Candidates) -> np.ndarray:
    """Whether the two of each pair have the same colours, or one of them none."""
    colours = signatures.colour.astype(np.float32) - 128
    alike = np.empty(len(found), bool)
    for part in _blocks(len(found)):
        one = _turned_each(colours[found.pairs[part, 0]], found.orientations[part])
        two = colours[found.pairs[part, 1]]
        strength = np.minimum(*(np.sqrt(np.square(each).mean((1, 2, 3))) for each in (one, two)))
        apart = np.sqrt(np.square(one - two).mean((1, 2, 3)))
        alike[part] = (strength < COLOURLESS) | (apart < COLOUR_SHARE * strength + COLOUR_LEVELS)
    return alike


def _are_whole(signatures: Signatures, found: Candidates) -> np.ndarray:
    """Whether the two of each pair are one picture, all of it."""
    alike = np.empty(len(found), bool)
    for part in _blocks(len(found)):
        one = _turned_each(signatures.grey[found.pairs[part, 0]], found.orientations[part])
        alike[part] = _within(difference(one, signatures.grey[found.pairs[part, 1]]), WHOLE_LIMITS)
    return alike


def _are_parts(signatures: Signatures, found: Candidates) -> np.ndarray:
    """Whether the one of each pair is a part of the other."""
    small = reduced(signatures.grey)
    alike = np.zeros(len(found), bool)
    # Either may be the whole, which stands upright; the other is turned to it.
    for whole, other, orientations in (
        (0, 1, np.array(BACK)[found.orientations]),
        (1, 0, found.orientations),
    ):
        correlations = np.empty(len(found), np.float32)
        edges = np.empty((len(found), 4), np.float32)
        for orientation in range(ORIENTATIONS):
            of = orientations == orientation
            pairs = found.pairs[of][:, [whole, other]]
            correlations[of], edges[of] = placed(small, turned(small, orientation), pairs)
        rows = np.flatnonzero(correlations >= PART_CORRELATION)
        pairs = found.pairs[rows][:, [whole, other]]
        alike[rows] |= _lie_on(signatures, small, pairs, orientations[rows], edges[rows])
    return alike


def _lie_on(
    signatures: Signatures, small: np.ndarray, pairs: np.ndarray, orientations: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Whether the second of each pair is a part of the first; most of the time of all that is done goes here.

    Args:
        signatures: of the pictures.
        small: their few grey values, see `reduced`.
        pairs: int (n, 2).
        orientations: int (n,), in which the second looks like a part of the first.
        edges: (n, 4), about where.
    """

    def lies(part: slice) -> np.ndarray:
        wholes, others = pairs[part].T
        where, rows = moved(small[wholes], _turned_each(small[others], orientations[part]), edges[part])
        rows = rows[(where[rows, 1] - where[rows, 0]) * (where[rows, 3] - where[rows, 2]) <= LARGEST_PART]
        one = _turned_each(signatures.grey[others[rows]], orientations[part][rows])
        lying = np.zeros(len(wholes), bool)
        lying[rows] = _within(difference(signatures.grey[wholes[rows]], one, where[rows], REDUCED), PART_LIMITS)
        return lying

    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="parts") as pool:
        return np.concatenate([np.zeros(0, bool), *pool.map(lies, _blocks(len(pairs)))])


def _within(found: Difference, limits: Difference) -> np.ndarray:
    result: np.ndarray = (found.of_all <= limits.of_all) & (found.of_block <= limits.of_block)
    return result


def _blocks(count: int) -> list[slice]:
    return [slice(start, start + AT_ONCE) for start in range(0, count, AT_ONCE)]
