"""What a kind of corruption is: how it changes a picture, and its values at five severities."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]

Values = tuple[float, ...]
"""What a kind is given at one severity."""
Severities = tuple[Values, Values, Values, Values, Values]
"""The values of severity 1 first."""

Apply = Callable[[Image.Image, Values, float, np.random.Generator], np.ndarray]
"""A picture in mode ``RGB``, the values, pixels of the picture for one of those that lengths are in, and where random
numbers come from, to the corrupted pixels: (height, width, 3), uint8, or floats whose 0..1 are the darkest and the
brightest; what is beyond is clipped."""


class Kind(NamedTuple):
    """A kind of corruption."""

    apply: Apply
    large: Severities
    """ImageNet-C's; lengths are in pixels of a picture of 224."""
    small: Severities
    """CIFAR-C's, for small pictures; lengths are in pixels of a picture of 32."""


def each(*values: float) -> Severities:
    """Severities of a single value each."""
    first, second, third, fourth, fifth = values
    return (first,), (second,), (third,), (fourth,), (fifth,)


def unit(image: Image.Image) -> Floats:
    """The pixels in 0..1, float64 (height, width, 3)."""
    return np.asarray(image, np.float64) / 255
