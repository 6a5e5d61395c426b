"""Embeddings that float16 cannot hold as they are -> numbers that it can: scaled, or centred and scaled.

What a backbone makes has directions that matter, lengths of 1 to 100 and a mean of about the size of its spread; it is
left as it is. Other numbers get the first of three changes that is enough: all are divided by one number, which keeps
every direction; each column is centred first, which keeps every distance; each column is also divided by its deviation.
Of centred rows the directions are those seen from the mean, which is what methods on rows of length 1 then compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.features.shards import DTYPE

LARGEST = (1e-2, 6e4)
"""Where the largest absolute value must lie: below, float16 loses digits, and above there is little left to 65,504."""
FAR = 100.0
"""The mean of the rows may be so many times as long as their spread: beyond, rows of length 1 are nearly all alike."""
DAMAGED, SOME = 0.05, 0.1
"""A column is damaged if its rounding is more than this share of its deviation; more than `SOME` of those that vary may
not be. Single ones are in most embeddings: those that are nearly always zero."""
LOST, NOISE = 0.25, 1 / 3
"""A column is lost if the rounding in the file itself is more than this share of its deviation, and what the lost ones
add to the spread may be so much of the others'."""
AT_A_TIME = 2**20
"""Numbers whose float64 copy is in memory at a time."""
SUBTRACT = "subtract the mean of each column while they are in float64"
KEY = "scaling"
"""Where a manifest's settings and a head's embedding record it."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is done to each column: divided by `scale`, then less `centre`. In this order no number overflows."""

    scale: np.ndarray
    """float64 (dim,), above 0."""
    centre: np.ndarray
    """float64 (dim,), in units of `scale`."""
    why: str = ""
    """For people; not recorded."""

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Of embeddings (..., dim), float64."""
        with np.errstate(over="ignore"):  # Whoever applies it to other numbers looks for what is not finite.
            scaled: np.ndarray = values.astype(np.float64) / self.scale - self.centre
        return scaled

    def record(self) -> dict[str, list[float]]:
        """As plain data, from which `recorded` makes the very same."""
        return {"scale": self.scale.tolist(), "centre": self.centre.tolist()}


def recorded(about: dict[str, Any], dim: int) -> Scaling | None:
    """What a manifest's settings, or a head's embedding, say was done; None: nothing.

    Raises:
        ValueError: if it is no scaling of so many columns.
    """
    value = about.get(KEY)
    if value is None:
        return None
    scale, centre = (np.array(value[key], dtype=np.float64) for key in ("scale", "centre"))
    if not (scale.shape == centre.shape == (dim,) and np.isfinite([scale, centre]).all() and (scale > 0).all()):
        raise ValueError("its scaling is none of its columns")
    return Scaling(scale, centre)


def rounded(values: np.ndarray, scaling: Scaling | None) -> np.ndarray:
    """Embeddings (n, ..., dim) as the cache holds them, float16; what it cannot hold is infinite."""
    result = np.empty(values.shape, DTYPE)
    at = 0
    for block in _blocks(values):
        result[at : at + len(block)] = _rounded(block if scaling is None else scaling.apply(block))
        at += len(block)
    return result


def scaling_for(values: np.ndarray) -> Scaling | None:
    """What must be done to embeddings before they are rounded to float16; None: nothing.

    Args:
        values: float (n, ..., dim), finite.

    Raises:
        ValueError: if nothing helps, in words that go on from "expected": all rows are the same, or their type has lost
            what tells them apart.
    """
    rows = values.reshape(-1, values.shape[-1])
    largest = max(float(rows.max()), -float(rows.min()))
    fits = LARGEST[0] <= largest <= LARGEST[1]
    size = float(2.0 ** np.frexp(largest)[1] / 2) if 0 < largest < np.finfo(np.float64).max / 2 else max(largest, 1.0)
    mean, std, reach = _statistics(rows, size)
    varies = std > 0
    if not varies.all() and (rows.max(0) > rows.min(0))[~varies].any():
        raise ValueError("columns of scales nearer to each other, found some over 150 decades apart; scale each before")
    if not varies.any():
        raise ValueError(f"rows that differ, found all the same (the largest number is {largest:g}); {SUBTRACT}")
    far = bool(np.linalg.norm(mean) > FAR * np.linalg.norm(std))
    one = np.ones_like(mean)
    if fits and not far and not _damages(rows, None, std * size):
        return None
    lost = varies & (_steps(rows, size) / np.sqrt(12) > LOST * std)
    step = float(2.0 ** np.floor(np.log2(reach)))
    deviations = np.where(varies, std, 1.0)
    away = "columns are far from zero against their spread"
    size_of = f"the largest number, {largest:g}, is not of a size for float16"
    choices = [
        Scaling(one * size, 0 * mean, f"{size_of}: all divided by {size:g}, which changes no clustering"),
        Scaling(one * size * step, mean / step, f"{away}: centred and scaled"),
        Scaling(
            np.maximum(size * deviations, np.finfo(np.float64).smallest_subnormal),
            mean / deviations,
            f"columns have very different scales{', or ' + away[8:] if far else ''}: each centred and scaled",
        ),
    ]
    for choice in choices[1:] if far else choices:
        spread = std * (size / choice.scale)
        noise, rest = np.linalg.norm(spread[lost]), np.linalg.norm(spread[~lost])
        if noise <= NOISE * rest and not _damages(rows, choice, spread):
            return choice
    column = int(np.argmax(lost))
    raise ValueError(
        f"numbers that tell the rows apart, found that the rounding to float32 (or float64) has cost most of the "
        f"spread of {int(lost.sum())} of {len(lost)} columns (column {column}: near {mean[column] * size:g}, deviation "
        f"{std[column] * size:.2g}); {SUBTRACT}"
    )


def _rounded(block: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        halves: np.ndarray = block.astype(np.float32, copy=False).astype(DTYPE)
    return halves


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    count = max(1, AT_A_TIME // int(np.prod(rows.shape[1:])))
    yield from (rows[first : first + count] for first in range(0, len(rows), count))


def _statistics(rows: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The mean and the deviation of each column, and the largest distance from a mean, in units of `size`."""
    first = rows[0].astype(np.float64) / size  # Less this, a constant column is exactly zero.
    mean = first + sum((block.astype(np.float64) / size - first).sum(0) for block in _blocks(rows)) / len(rows)
    squares, reach = np.zeros_like(mean), 0.0
    for block in _blocks(rows):
        away = block.astype(np.float64) / size - mean
        squares += np.square(away).sum(0)
        reach = max(reach, float(np.abs(away).max()))
    return mean, np.sqrt(squares / len(rows)), reach


def _damages(rows: np.ndarray, scaling: Scaling | None, std: np.ndarray) -> bool:
    """Whether float16 rounds away much of more than a few columns, whose deviation is `std` where it rounds."""
    total = squares = np.zeros(rows.shape[1])
    for block in _blocks(rows):
        exact = block.astype(np.float64) if scaling is None else scaling.apply(block)
        error = _rounded(exact).astype(np.float64) - exact
        total, squares = total + error.sum(0), squares + np.square(error).sum(0)
    error = np.sqrt(np.maximum(squares / len(rows) - np.square(total / len(rows)), 0))
    damaged = (error > DAMAGED * std) & (std > 0)
    return bool(damaged.sum() > SOME * (std > 0).sum())


def _steps(rows: np.ndarray, size: float) -> np.ndarray:
    """How far apart the numbers are that a column's type can hold at its largest, in units of `size`.

    That is float32 where it holds all of a column's numbers, whatever type they are in now.
    """
    largest, single = np.zeros(rows.shape[1]), np.ones(rows.shape[1], bool)
    for block in _blocks(rows):
        largest = np.maximum(largest, np.abs(block).max(0))
        with np.errstate(over="ignore"):
            single &= (block == block.astype(np.float32)).all(0)
    steps: np.ndarray = np.where(
        single, np.spacing(np.where(single, largest, 0).astype(np.float32)), np.spacing(largest)
    )
    return steps.astype(np.float64) / size
