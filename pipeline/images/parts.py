"""A picture made in parts of some rows each: what is made at once of the largest would take gigabytes."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

BLOCK = 2**20
"""Pixels of a part."""


def strips(width: int, height: int, factor: int = 1) -> list[slice]:
    """Rows of each part; all but the last a multiple of `factor`."""
    step = max(1, BLOCK // width // factor) * factor
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def in_parts(part: Callable[[slice], Image.Image], size: tuple[int, int], mode: str, factor: int) -> Image.Image:
    """A picture of the mode, reduced by a factor.

    Args:
        part: makes some of its rows.
        size: before it is reduced.
        mode: of the parts.
        factor: 1: not reduced.
    """
    width, height = size
    result = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for rows in strips(width, height, factor):
        made = part(rows)
        result.paste(made.reduce(factor) if factor > 1 else made, (0, rows.start // factor))
    return result
