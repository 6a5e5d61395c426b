"""`.npy` files that others made."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np

MAGIC = b"\x93NUMPY"


def open_array(path: Path) -> np.ndarray:
    """The array of a `.npy` file, mapped: nothing is read yet, and a shape that the file is too short for is refused.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: if it is no whole `.npy` file, or holds objects, which would be pickles.
    """
    with path.open("rb") as file:
        begins = file.read(len(MAGIC))
    if begins[:2] == b"PK":
        raise ValueError("an archive of arrays; name it .npz")
    if begins != MAGIC:
        raise ValueError("not a .npy file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A header of Python 2 is as good.
            array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # The header is parsed as Python, which ends in errors of many types.
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0]) from None
    return array


def array_of(data: bytes) -> np.ndarray:
    """The array of a `.npy` file's bytes.

    Raises:
        ValueError: if they are no whole `.npy` file, or hold objects.
    """
    if not data.startswith(MAGIC):
        raise ValueError("not a .npy file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # As of a file.
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0]) from None
    return array
