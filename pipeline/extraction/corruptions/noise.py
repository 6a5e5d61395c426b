"""Noise: Gaussian, shot, impulse and speckle.

Its grain is a pixel, or in a picture above 224 pixels (small ones: 32) as many of them as it takes to be one of 224:
finer noise would be averaged away where the backbone's geometry makes the picture small (ours).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.extraction.corruptions.entry import Floats, Kind, Values, each, unit

Number = TypeVar("Number", bound=np.generic)


def _grain(scale: float) -> int:
    return max(1, round(scale))


def _grains(image: Image.Image, scale: float) -> Floats:
    """The mean of each grain in 0..1, (rows, columns, 3)."""
    return unit(image.reduce(_grain(scale)))


def _spread(grains: NDArray[Number], image: Image.Image, scale: float) -> NDArray[Number]:
    """What was drawn for each grain, at each of its pixels."""
    grain = _grain(scale)
    return grains.repeat(grain, 0).repeat(grain, 1)[: image.height, : image.width]


def gaussian_noise(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Adds a normal number of this standard deviation."""
    return unit(image) + _spread(rng.normal(0, values[0], _grains(image, scale).shape), image, scale)


def shot_noise(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Counts photons, so many of them where a picture is brightest."""
    grains = _grains(image, scale)
    return unit(image) + _spread(rng.poisson(grains * values[0]) / values[0] - grains, image, scale)


def impulse_noise(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Makes this share of the colour values none or full: salt and pepper."""
    shape = _grains(image, scale).shape
    struck = _spread(rng.random(shape) <= values[0], image, scale)
    full = _spread(rng.random(shape) <= 0.5, image, scale)
    return np.where(struck, full * np.uint8(255), np.asarray(image))


def speckle_noise(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Adds a normal number times the pixel."""
    pixels = unit(image)
    return pixels + pixels * _spread(rng.normal(0, values[0], _grains(image, scale).shape), image, scale)


KINDS = {
    "gaussian-noise": Kind(gaussian_noise, each(0.08, 0.12, 0.18, 0.26, 0.38), each(0.04, 0.06, 0.08, 0.09, 0.1)),
    "shot-noise": Kind(shot_noise, each(60, 25, 12, 5, 3), each(500, 250, 100, 75, 50)),
    "impulse-noise": Kind(impulse_noise, each(0.03, 0.06, 0.09, 0.17, 0.27), each(0.01, 0.02, 0.03, 0.05, 0.07)),
    "speckle-noise": Kind(speckle_noise, each(0.15, 0.2, 0.35, 0.45, 0.6), each(0.06, 0.1, 0.12, 0.16, 0.2)),
}
