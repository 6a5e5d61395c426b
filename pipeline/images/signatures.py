"""What of a picture its near copies share: grey values and colours of a few pixels, and the spectrum of the grey ones.

As in pHash (Zauner, 2010) the spectrum is the lowest frequencies of the DCT of 32 x 32 grey values. The numbers
themselves are compared, not their signs as there: where a picture is symmetrical half of them are near zero, and their
signs are noise. The spectra of the seven other orientations follow from one: in a mirrored picture odd frequencies
have the other sign, and a turned one has rows for columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE, COLOURS = 64, 8
"""Grey values and colours a side."""
FREQUENCIES = 8
"""Of the spectrum, a side."""
REDUCED = 32
"""Grey values a side that the spectrum is of."""
ORIENTATIONS = 8
BACK = (0, 1, 2, 3, 4, 6, 5, 7)
"""The orientation that undoes each."""


class Signature(NamedTuple):
    """Of one picture."""

    grey: np.ndarray
    """uint8 (64, 64), the picture squeezed into a square."""
    colour: np.ndarray
    """uint8 (8, 8, 2): its blue and red differences (YCbCr), 128 where it is grey."""
    aspect: float
    """Width by height; 0: the picture is not known."""


@dataclass(frozen=True)
class Signatures:
    """Of pictures, one a row."""

    grey: np.ndarray
    colour: np.ndarray
    aspect: np.ndarray
    """float32 (n,)."""
    firsts: np.ndarray
    """int (n,), the row of the first picture whose file has the same bytes."""


UNKNOWN = Signature(np.zeros((SIDE, SIDE), np.uint8), np.full((COLOURS, COLOURS, 2), 128, np.uint8), 0.0)


def signature(picture: Image.Image) -> Signature:
    """The signature of a picture in mode ``L`` or ``RGB``."""
    grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    few = picture.convert("RGB").resize((COLOURS, COLOURS), Image.Resampling.BILINEAR).convert("YCbCr")
    return Signature(np.asarray(grey), np.asarray(few)[..., 1:], picture.width / picture.height)


def stacked(each: list[Signature], digests: list[str]) -> Signatures:
    """Signatures as arrays; the digests are those of the pictures."""
    grey, colour, aspect = zip(*each, strict=True)
    first: dict[str, int] = {}
    rows = [first.setdefault(digest or f"row {row}", row) for row, digest in enumerate(digests)]
    return Signatures(np.stack(grey), np.stack(colour), np.array(aspect, np.float32), np.array(rows))


def turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """Pictures (n, side, side, ...) in an orientation: 4 mirrors at the diagonal, then 1 the rows and 2 the columns."""
    if orientation & 4:
        values = values.swapaxes(1, 2)
    if orientation & 1:
        values = values[:, ::-1]
    if orientation & 2:
        values = values[:, :, ::-1]
    return values


def reduced(grey: np.ndarray, side: int = REDUCED) -> np.ndarray:
    """Grey values (n, 64, 64) as the means of blocks, float32 (n, side, side)."""
    each = grey.shape[1] // side
    found: np.ndarray = grey.reshape(len(grey), side, each, side, each).mean((2, 4), dtype=np.float32)
    return found


def spectra(grey: np.ndarray) -> np.ndarray:
    """The spectra of upright pictures.

    Each frequency is weighed by its height, as natural pictures have less of the higher ones.

    Args:
        grey: (n, 64, 64).

    Returns:
        float32 (n, 8, 8) of length 1, without the mean, which is 0; all 0 where a picture is of one grey.
    """
    found = dctn(reduced(grey), axes=(1, 2), norm="ortho")[:, :FREQUENCIES, :FREQUENCIES]
    steps = np.arange(FREQUENCIES)
    found *= np.hypot(*np.meshgrid(steps, steps)).astype(np.float32)
    lengths = np.linalg.norm(found, axis=(1, 2), keepdims=True)
    result: np.ndarray = found / np.maximum(lengths, 1e-6)
    return result


def turned_spectra(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The spectra of pictures in an orientation of `turned`, from those of `spectra`."""
    signs = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float32)
    if orientation & 4:
        upright = upright.swapaxes(1, 2)
    if orientation & 1:
        upright = upright * signs[:, None]
    if orientation & 2:
        upright = upright * signs
    return upright
