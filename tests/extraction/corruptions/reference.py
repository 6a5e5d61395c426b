"""Makes reference.npz: pixels that the package imagecorruptions 1.1.2 makes of the picture below.

The package needs libraries of its time, and one of its calls a newer name:

    uv run --no-project --python 3.11 --with 'imagecorruptions==1.1.2' --with 'numpy<2' --with 'setuptools<70' \
        --with 'scikit-image==0.20.*' --with 'scipy<1.11' --with 'opencv-python<4.10' \
        python tests/extraction/corruptions/reference.py
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("reference.npz")
PIXELS = 100
"""Of a picture that are compared."""


def picture() -> np.ndarray:
    """Waves, an edge, grey and black areas: uint8 (224, 300, 3)."""
    rows, columns = np.mgrid[:224, :300]
    waves = np.stack([127 + 120 * np.sin(rows / 9), 255 * columns / 299, 127 + 90 * np.cos((rows + columns) / 17)], -1)
    waves[60:120, 100:200] = 30
    waves[:40, 250:] = 0
    waves[180:, :60] = 255
    pixels: np.ndarray = waves.astype(np.uint8)
    return pixels


def places() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels that are compared, the corners among them."""
    drawn = np.random.RandomState(1)
    rows, columns = drawn.randint(0, 224, PIXELS), drawn.randint(0, 300, PIXELS)
    rows[:4], columns[:4] = [0, 0, 223, 223], [0, 299, 0, 299]
    return rows, columns


def main() -> None:
    """Writes the file."""
    imagecorruptions, filters = (importlib.import_module(name) for name in ("imagecorruptions", "skimage.filters"))

    def gaussian(pixels: np.ndarray, sigma: float, **_: Any) -> Any:
        return filters.gaussian(pixels, sigma, channel_axis=-1)

    imagecorruptions.corruptions.gaussian = gaussian

    def drawn_from(seed: int, *_: Any) -> np.random.RandomState:
        return np.random.RandomState(seed)

    made: dict[str, Any] = {}
    for name in imagecorruptions.get_corruption_names("all"):
        if name in ("glass_blur", "zoom_blur", "snow", "frost", "elastic_transform", "spatter"):
            continue
        found = []
        for severity in range(1, 6):
            np.random.seed(severity)
            # What scikit-image draws from, so that it is the same stream.
            vars(np.random)["default_rng"] = partial(drawn_from, severity)
            found.append(imagecorruptions.corrupt(picture(), severity, name)[places()])
        made["jpeg" if name == "jpeg_compression" else name.replace("_", "-")] = np.stack(found)
    np.savez_compressed(FILE, **made)


if __name__ == "__main__":
    main()
