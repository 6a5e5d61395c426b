"""Occlusion: cells of a grid that are black, as in PatchDrop (Naseer et al., Intriguing Properties of Vision
Transformers, NeurIPS 2021, arXiv 2105.10497)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipeline.extraction.corruptions.entry import Kind, Values, each

GRID = 14
"""Cells of a side."""
SHARES = each(0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the cells; which five is ours."""


def occlusion(image: Image.Image, values: Values, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Makes so large a share of the cells black, drawn at random."""
    dropped = np.zeros(GRID * GRID, bool)
    dropped[rng.permutation(GRID * GRID)[: round(values[0] * GRID * GRID)]] = True
    rows, columns = (np.arange(side) * GRID // side for side in (image.height, image.width))
    hidden = dropped.reshape(GRID, GRID)[np.ix_(rows, columns)]
    return np.where(hidden[:, :, None], np.uint8(0), np.asarray(image))


KINDS = {"occlusion": Kind(occlusion, SHARES, SHARES)}
