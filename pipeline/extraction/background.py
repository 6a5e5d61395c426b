"""The background of a padded picture: a colour of its own."""

from __future__ import annotations

import numpy as np
from PIL import Image

Colour = int | tuple[int, int, int]


def background(picture: Image.Image | np.ndarray) -> Colour:
    """The median colour of a picture's border pixels (ours): white for a drawing on white, sky or table for a photo.

    Args:
        picture: in mode ``L`` or ``RGB``; or uint8 (height, width) or (height, width, 3).

    Returns:
        a grey, or red, green and blue.
    """
    border = np.concatenate(_border(picture))
    # The lower of the two in the middle: a colour that is there, not one between black and white.
    middle = np.partition(border, (len(border) - 1) // 2, axis=0)[(len(border) - 1) // 2]
    return int(middle) if middle.ndim == 0 else (int(middle[0]), int(middle[1]), int(middle[2]))


def _border(picture: Image.Image | np.ndarray) -> list[np.ndarray]:
    """The first and last rows and columns; of an image these alone are copied."""
    if isinstance(picture, np.ndarray):
        return [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    width, height = picture.size
    rows = [np.asarray(picture.crop((0, top, width, top + 1)))[0] for top in (0, height - 1)]
    return rows + [np.asarray(picture.crop((left, 0, left + 1, height)))[:, 0] for left in (0, width - 1)]
