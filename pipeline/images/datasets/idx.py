"""Reads IDX, the file format of MNIST and Fashion-MNIST."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.errors import PipelineError

if TYPE_CHECKING:
    import numpy as np

IDX = b"\x00\x00\x08"
"""What an IDX file of unsigned bytes begins with; the number of dimensions follows."""
MOST_IDX = 2**30
"""Values of a file at most: twenty times Fashion-MNIST."""


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes (the format of MNIST, described on its home page).

    Returns:
        uint8, of the shape that the file declares.

    Raises:
        PipelineError: if the file is missing, is no gzip, is not IDX of unsigned bytes, or has another length than it
            declares.
    """
    import numpy as np

    restore = f"bring the original again ('git checkout -- {path}' where it is part of the repository)"
    try:
        with gzip.open(path) as file:
            begin = file.read(4)
            sizes = file.read(4 * begin[3]) if begin[:3] == IDX and len(begin) == 4 else b""
            shape = struct.unpack(f">{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4])
            # One byte more than there should be: a decompression bomb is not unpacked to its end.
            data = file.read(min(math.prod(shape), MOST_IDX) + 1) if sizes else b""
    except FileNotFoundError:
        raise PipelineError(f"{path}: missing; {restore}") from None
    except (EOFError, OSError, zlib.error) as error:
        raise PipelineError(f"{path}: not a whole gzip file ({error}); {restore}") from None
    if begin[:3] != IDX or len(begin) < 4 or not sizes or len(sizes) < 4 * begin[3]:
        raise PipelineError(
            f"{path}: expected an IDX file of unsigned bytes, found one that starts with {begin.hex()!r}; {restore}"
        )
    # Without the zeros among the sizes: NumPy refuses an empty array of endless length, too.
    if math.prod(size for size in shape if size) > MOST_IDX:
        raise PipelineError(f"{path}: declares {math.prod(shape)} values, expected at most {MOST_IDX}; {restore}")
    if len(data) != math.prod(shape):
        found = "more" if len(data) > math.prod(shape) else len(data)
        raise PipelineError(f"{path}: declares {math.prod(shape)} values, found {found}; {restore}")
    return np.frombuffer(data, np.uint8).reshape(shape)
