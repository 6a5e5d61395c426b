"""What a transparent picture stands in front of: white, or black where white would hide it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipeline.images.parts import in_parts, strips

SEEN = 32
"""Levels of a colour that differ from white for it to be seen there; ours, like the share."""
SHARE = 0.01
"""Of what is visible; where less is seen against white, the picture stands before black."""


def in_front(image: Image.Image, rows: int, factor: int = 1) -> Image.Image:
    """A picture with transparent parts in mode ``RGB``, in front of a background that its content is seen against.

    Args:
        image: of any mode with transparency.
        rows: of it that count.
        factor: by what it is reduced.
    """
    width = image.width

    def clear(part: slice) -> Image.Image:
        return image.crop((0, part.start, width, part.stop)).convert("RGBA")

    visible = seen = 0
    for part in strips(width, rows):
        pixels = np.asarray(clear(part))
        weights = pixels[..., 3].astype(np.int64)
        visible += int(weights.sum())
        seen += int(weights[pixels[..., :3].min(2) < 255 - SEEN].sum())
    # What hardly differs from white differs from black the most.
    colour = "black" if seen < SHARE * visible else "white"

    def opaque(part: slice) -> Image.Image:
        behind = Image.new("RGBA", (width, part.stop - part.start), colour)
        behind.alpha_composite(clear(part))
        return behind.convert("RGB")

    return in_parts(opaque, (width, rows), "RGB", factor)
