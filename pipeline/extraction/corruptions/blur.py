"""Blur: Gaussian, out of focus, and in motion. Lengths scale with the picture."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pipeline.extraction.corruptions.entry import Floats, Kind, Values, each, unit


def gaussian_blur(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian of this standard deviation, cut at four of them; beyond the border the border goes on."""
    from scipy.ndimage import gaussian_filter

    sigma = values[0] * scale
    blurred: np.ndarray = gaussian_filter(unit(image), (sigma, sigma, 0), mode="nearest")
    return blurred


NEAR = 8
"""A disc of at most this radius, in pixels, is smoothed by three taps, and a larger one by five."""


def disc(radius: float, smoothing: float) -> Floats:
    """What a lens out of focus makes of a point: a disc with smoothed edges, (side, side).

    Args:
        radius: in pixels.
        smoothing: the standard deviation of its edge, in pixels.
    """
    from scipy.ndimage import correlate1d

    reach = max(NEAR, math.ceil(radius))
    offsets = np.arange(-reach, reach + 1)
    inside = (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype(np.float64)
    taps = np.arange(-1, 2) if radius <= NEAR else np.arange(-2, 3)
    weights = np.exp(-0.5 * (taps / smoothing) ** 2)
    inside /= inside.sum()
    for axis in (0, 1):
        inside = correlate1d(inside, weights / weights.sum(), axis, mode="mirror")
    return inside


def defocus_blur(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """A disc of a radius with a smoothed edge; the border is a mirror."""
    from scipy.signal import oaconvolve

    radius, smoothing = values
    kernel = disc(radius * scale, smoothing)
    reach = len(kernel) // 2
    framed = np.pad(unit(image), ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    blurred: np.ndarray = oaconvolve(framed, kernel[:, :, None], mode="valid", axes=(0, 1))
    return blurred


def motion_blur(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Half a Gaussian along a line within 45 degrees of the horizontal; beyond the border the border goes on."""
    width = 2 * round(values[0] * scale) + 1
    sigma = values[1] * scale
    angle = math.radians(rng.uniform(-45, 45))
    weights = np.exp(-0.5 * (np.arange(width) / sigma) ** 2)
    weights /= weights.sum()
    pixels = unit(image)
    rows, columns = np.arange(image.height), np.arange(image.width)
    blurred = np.zeros_like(pixels)
    for step, weight in enumerate(weights):
        down = math.ceil(step * math.sin(angle) - 0.5)
        right = math.ceil(step * math.cos(angle) - 0.5)
        moved = pixels.take(rows + down, 0, mode="clip").take(columns + right, 1, mode="clip")
        blurred += weight * moved
    return blurred


KINDS = {
    "gaussian-blur": Kind(gaussian_blur, each(1, 2, 3, 4, 6), each(0.4, 0.6, 0.7, 0.8, 1)),
    "defocus-blur": Kind(
        defocus_blur,
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    ),
    "motion-blur": Kind(
        motion_blur,
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    ),
}
