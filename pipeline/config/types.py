"""The types of settings: numbers with their range, texts of a list, lists of a length; checked where they are read."""

from __future__ import annotations

from typing import Annotated, NamedTuple


class Range(NamedTuple):
    """The closed range that a number must lie in."""

    low: float
    high: float = float("inf")


class OneOf(NamedTuple):
    """The words that a text may be."""

    words: tuple[str, ...]


class Widths(NamedTuple):
    """How many widths a list must have, and why."""

    number: int
    reason: str


class Ascending(NamedTuple):
    """The smaller number of two comes first."""


class MayBeEmpty(NamedTuple):
    """A list may have no entry."""


Share = Annotated[float, Range(0, 1)]
Count = Annotated[int, Range(1)]
NotNegative = Annotated[float, Range(0)]

AUTO = "auto"
PRECISIONS = ("fp32", "bf16")
Precision = Annotated[str, OneOf((AUTO, *PRECISIONS))]
"""Type of arithmetic; see `pipeline.config.devices.pick_precision`."""
