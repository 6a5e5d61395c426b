"""Weather and light: fog, and brightness."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipeline.extraction.corruptions.entry import Floats, Kind, Values, each, unit


def plasma(side: int, decay: float, rng: np.random.Generator) -> Floats:
    """A landscape by the diamond-square algorithm that goes on at its borders, (side, side), from 0 to 1.

    Args:
        side: a power of two, at least 2.
        decay: by what the roughness is divided from one scale to the next.
        rng: where its heights come from.
    """
    heights = np.zeros((side, side))
    step, rough = side, 100.0
    while step >= 2:
        half = step // 2

        def near(total: Floats, rough: float = rough) -> Floats:
            return total / 4 + rough * rng.uniform(-rough, rough, total.shape)

        corners = heights[::step, ::step]
        pairs = corners + np.roll(corners, -1, 0)
        heights[half::step, half::step] = near(pairs + np.roll(pairs, -1, 1))
        centres = heights[half::step, half::step]
        above = centres + np.roll(centres, 1, 0) + corners + np.roll(corners, -1, 1)
        heights[::step, half::step] = near(above)
        beside = centres + np.roll(centres, 1, 1) + corners + np.roll(corners, -1, 0)
        heights[half::step, ::step] = near(beside)
        step = half
        rough /= decay
    heights -= heights.min()
    return heights / float(heights.max())


def fog(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Adds so much of a landscape of fog and fits the sum into the picture's range."""
    amount, decay = values
    pixels = unit(image)
    brightest = float(pixels.max())
    side = 1 << (max(2, *image.size) - 1).bit_length()
    cloud = plasma(side, decay, rng)[: image.height, : image.width, None]
    return (pixels + amount * cloud) * brightest / (brightest + amount)


def brightness(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Adds so much to HSV's value, in which a colour of one hue and saturation is linear."""
    pixels = unit(image)
    value: Floats = pixels.max(-1, keepdims=True)
    brighter = np.clip(value + values[0], 0, 1)
    return np.where(value > 0, pixels * brighter / np.where(value > 0, value, 1), brighter)


KINDS = {
    "fog": Kind(
        fog,
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    ),
    "brightness": Kind(brightness, each(0.1, 0.2, 0.3, 0.4, 0.5), each(0.05, 0.1, 0.15, 0.2, 0.3)),
}
