"""The background of a padded picture: a colour of its own."""

from __future__ import annotations

import numpy as np

Colour = int | tuple[int, int, int]


def background(picture: np.ndarray) -> Colour:
    """The median colour of a picture's border pixels (ours): white for a drawing on white, sky or table for a photo.

    Args:
        picture: uint8 (height, width) or (height, width, 3).

    Returns:
        a grey, or red, green and blue.
    """
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    # The lower of the two in the middle: a colour that is there, not one between black and white.
    middle = np.partition(border, (len(border) - 1) // 2, axis=0)[(len(border) - 1) // 2]
    return int(middle) if middle.ndim == 0 else (int(middle[0]), int(middle[1]), int(middle[2]))
