"""What devices and programs do: less contrast, other colours, JPEG's compression, large pixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pipeline.extraction.corruptions.entry import Floats, Kind, Values, each, unit


def contrast(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Keeps so much of what a channel differs from its mean by."""
    pixels = unit(image)
    means: Floats = pixels.mean((0, 1))
    return (pixels - means) * values[0] + means


RED = np.array([0, 1, 1])
"""How much of its saturation each channel of a pixel loses that has no hue: HSV's hue 0."""


def saturate(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """HSV's saturation times the first value, plus the second; what is grey becomes reddish, as in ImageNet-C."""
    factor, added = values
    pixels = unit(image)
    value: Floats = pixels.max(-1, keepdims=True)
    lost = value - pixels
    most: Floats = lost.max(-1, keepdims=True)
    saturation = np.clip(most / np.where(value > 0, value, 1) * factor + added, 0, 1)
    return value * (1 - saturation * np.where(most > 0, lost / np.where(most > 0, most, 1), RED))


def jpeg(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Saved with this quality, at the picture's own size, as people have it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(values[0]))
    return np.asarray(Image.open(file))


def pixelate(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Reduced to this share of its sides, and enlarged without smoothing; no share of a small side is below a pixel."""
    share = values[0] / max(1.0, scale)
    reduced = image.resize([max(1, int(side * share)) for side in image.size], Image.Resampling.BOX)
    return np.asarray(reduced.resize(image.size, Image.Resampling.NEAREST))


KINDS = {
    "contrast": Kind(contrast, each(0.4, 0.3, 0.2, 0.1, 0.05), each(0.75, 0.5, 0.4, 0.3, 0.15)),
    "saturate": Kind(
        saturate,
        ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
        ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    ),
    "jpeg": Kind(jpeg, each(25, 18, 15, 10, 7), each(80, 65, 58, 50, 40)),
    "pixelate": Kind(pixelate, each(0.6, 0.5, 0.4, 0.3, 0.25), each(0.95, 0.9, 0.85, 0.75, 0.65)),
}
