"""Pictures of more than eight bits: their values, the range that a collection uses, and eight bits of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile

from pipeline.images.loading import rawmode_of
from pipeline.images.parts import in_parts, strips

GREY, REAL, COLOUR = "grey", "real", "colour"
"""Kinds of deep pictures: whole numbers, numbers with a fraction, and 16 bits a colour."""
LOW_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B"}
"""Pillow keeps the high byte of a colour; read in the other order of bytes it keeps the low one."""


class Range(NamedTuple):
    """What the darkest and the brightest value of pictures are, and of which kind of pictures."""

    kind: str
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.kind} {_short(self.low)} {_short(self.high)}"


def _short(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def range_of(text: str) -> Range | None:
    """A range as a table has it; None: an empty text.

    Raises:
        ValueError: if it is none.
    """
    if not text:
        return None
    kind, low, high = text.split(" ")
    return checked(kind, float(low), float(high))


def checked(kind: str, low: float, high: float) -> Range:
    """A range.

    Raises:
        ValueError: if it is none.
    """
    if kind not in (GREY, REAL, COLOUR) or not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no range ({kind} {low} {high})")
    return Range(kind, low, high)


@dataclass(frozen=True)
class Ranges:
    """The range of each kind that a collection, or a head, opens its deep pictures with."""

    by_kind: dict[str, Range]

    def plain(self) -> dict[str, list[float]]:
        """As a manifest and a head keep it."""
        return {kind: [each.low, each.high] for kind, each in sorted(self.by_kind.items())}


def ranges_of(value: Any) -> Ranges:
    """What `Ranges.plain` made.

    Raises:
        ValueError: if it is something else.
    """
    if not isinstance(value, dict) or not all(isinstance(each, list) and len(each) == 2 for each in value.values()):
        raise ValueError("no ranges")
    if not all(isinstance(number, int | float) for each in value.values() for number in each):
        raise ValueError("no ranges")
    return Ranges({kind: checked(kind, float(low), float(high)) for kind, (low, high) in value.items()})


def joined(ranges: Iterable[Range]) -> Ranges:
    """The range of each kind that holds all of its pictures.

    Of colours it begins at 0 and ends at the most that 8, 9 ... or 16 bits hold, or each would get a tint.
    """
    found: dict[str, Range] = {}
    for each in ranges:
        known = found.get(each.kind, each)
        found[each.kind] = Range(each.kind, min(known.low, each.low), max(known.high, each.high))
    if COLOUR in found:
        bits = max(8, int(found[COLOUR].high).bit_length())
        found[COLOUR] = Range(COLOUR, 0, 2**bits - 1)
    return Ranges(found)


def kind_of(image: ImageFile.ImageFile) -> str | None:
    """Which kind of deep picture this is, not loaded yet; None: one of eight bits."""
    if image.mode == "F":
        return REAL
    if image.mode == "I" or image.mode.startswith("I;16"):
        return GREY
    base, _, bits = rawmode_of(image).partition(";")
    return COLOUR if bits in LOW_BYTE and base in ("RGB", "RGBA", "LA") else None


@dataclass(frozen=True)
class Deep:
    """The values of a deep picture."""

    kind: str
    size: tuple[int, int]
    """Width, and the height that is there."""
    high: Image.Image
    low: Image.Image | None
    """Of colours the low bytes."""

    def values(self, rows: slice) -> np.ndarray:
        """Some rows: (rows, width), or of colours (rows, width, 3)."""
        high = self._part(self.high, rows)
        if self.kind != COLOUR:
            return high
        if self.low is not None:
            both: np.ndarray = high[..., :3].astype(np.uint16) * 256 + self._part(self.low, rows)[..., :3]
        else:  # Both bytes of the grey, and both of the transparency.
            both = (high[..., :1].astype(np.uint16) * 256 + high[..., 1:2]).repeat(3, axis=2)
        return both

    def _part(self, image: Image.Image, rows: slice) -> np.ndarray:
        return np.asarray(image.crop((0, rows.start, image.width, rows.stop)))

    def extent(self) -> Range:
        """The least and the most of the values.

        Raises:
            ValueError: if none is a finite number.
        """
        least, most = math.inf, -math.inf
        for rows in strips(*self.size):
            values = self.values(rows)
            there = values[np.isfinite(values)] if self.kind == REAL else values
            if there.size:
                least, most = min(least, float(there.min())), max(most, float(there.max()))
        if least > most:
            raise ValueError("no pixel is a finite number")
        return Range(self.kind, least, most)

    def eight_bits(self, bounds: Range, factor: int) -> Image.Image:
        """Eight bits of the values: the range's ends are black and white, and what lies beyond is cut."""
        scale = 255 / max(bounds.high - bounds.low, 1e-12)

        def part(rows: slice) -> Image.Image:
            exact = self.values(rows).astype(np.float64)
            # Measurements leave out pixels as not finite; they show as the darkest.
            exact = np.where(np.isfinite(exact), exact, bounds.low)
            return Image.fromarray(np.rint(((exact - bounds.low) * scale).clip(0, 255)).astype(np.uint8))

        return in_parts(part, self.size, "RGB" if self.kind == COLOUR else "L", factor)

    def opacity(self) -> Image.Image | None:
        """Of colours, if they have any."""
        if self.kind != COLOUR or self.high.mode != "RGBA":
            return None
        return self.high.getchannel("A" if self.low else "B")


def said(kind: str, words: dict[str, float], found: Range) -> Range | None:
    """The range that a file says its values have; None: it says none, or one that they do not keep to.

    Args:
        kind: of the picture.
        words: see `Stripped.said`.
        found: the least and the most of its values.
    """
    low, high, bits = (words.get(name) for name in ("low", "high", "bits"))
    if low is not None and high is not None and low <= found.low < found.high <= high and (kind, high) != (GREY, 65535):
        return Range(kind, low, high)
    if kind != REAL and bits is not None and 8 < bits < 16:
        # As the standard has it, values of fewer bits are spread over all sixteen; cameras leave them as they are.
        most = 2 ** int(bits) - 1
        return Range(kind, 0, most if found.high <= most else 65535)
    return None
