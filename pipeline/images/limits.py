"""How large a picture may be, and how much of the memory the pictures take that are decoded at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Condition

from pipeline.config import params
from pipeline.config.settings import PrepareSettings

LARGE = 89_000_000
"""Pixels above which a picture is kept reduced."""
ENOUGH = 1040
"""Pixels of the shorter side that a reduced picture keeps: twice the largest input of a backbone, as a crop may take
half of the picture."""
FACTORS = (8, 4, 2, 1)
"""By which a picture is reduced: those of the JPEG decoder."""
AT_ONCE = 2**28
"""Pixels that all threads decode at the same time; a larger picture is decoded alone."""
WEIGHTS = {"WEBP": 3.0, "AVIF": 1.5, "HEIF": 1.5}
"""Of a pixel, where a decoder takes more memory for it than Pillow's own four bytes."""


@dataclass(frozen=True)
class _Sections:
    prepare: PrepareSettings


@cache
def _default() -> int:
    return params.read(_Sections, params.DEFAULTS, partial=True).prepare.most_megapixels


class _Limit:
    """Of this process, like Pillow's own: set once, before the first picture is decoded."""

    megapixels: int | None = None


def allowed() -> int:
    """The limit, in megapixels."""
    return _default() if _Limit.megapixels is None else _Limit.megapixels


def allow(megapixels: int | None) -> None:
    """Sets the limit of this process; without a call, or None: that of the package's params.yaml."""
    _Limit.megapixels = megapixels


def check_size(size: tuple[int, int], kind: str | None, what: str = "") -> None:
    """Refuses a picture that is too large to be decoded, by what its file says of itself.

    Raises:
        Image.DecompressionBombError: if it is.
    """
    from PIL import Image  # The limit alone is set where nothing is decoded.

    most = int(allowed() * 1_000_000 / WEIGHTS.get(kind or "", 1))
    if size[0] * size[1] > most:
        raise Image.DecompressionBombError(
            f"{what}{size[0] * size[1]:,} pixels, expected at most {most:,}{f' of {kind}' if kind in WEIGHTS else ''}; "
            "--most-megapixels or prepare.most_megapixels in params.yaml allows more"
        )


def factor_for(size: tuple[int, int]) -> int:
    """By what a picture of this size is reduced; 1: not at all."""
    if size[0] * size[1] <= LARGE:
        return 1
    return next((factor for factor in FACTORS if min(size) // factor >= ENOUGH), 1)


class Budget:
    """Lets threads decode at the same time as long as their pictures together are small enough."""

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Waits until there is room for so many pixels, and takes it for as long as the block runs."""
        mine = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= mine)
            self._free -= mine
        try:
            yield
        finally:
            with self._changed:
                self._free += mine
                self._changed.notify_all()


BUDGET = Budget(AT_ONCE)
