"""The C library's memory allocator: what a layer gives back, the next one takes, and not the kernel in between."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""The parameters of glibc's mallopt."""
LARGEST = 2**28
"""Bytes of a block up to which it is kept: the largest layers are below that, and the arrays of a whole cache above."""


def keep_freed_memory() -> None:
    """Makes glibc's allocator keep what is freed for what is asked for next, in all threads together.

    By itself it asks the kernel for every block of megabytes anew and gives it back at once, and the kernel clears
    every page of it: a quarter to 40 % of a backbone's time on a CPU. The peak of an extraction stays as it was; a fit,
    which holds a few arrays of gigabytes, would take half as much again and gain nothing.

    To be called before the first computation and the first thread pool: threads that are there have memory of their
    own, later ones inherit it, and each layer of more than 64 MB is asked of the kernel anew. Elsewhere than on Linux
    with glibc it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(ARENA_MAX, 1)  # One for each thread would keep each its own, in pieces of 64 MB at most.
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, -1)


@contextmanager
def objects_set_aside() -> Iterator[None]:
    """Python's search for garbage passes over the objects that are there now, until the block ends.

    There are 200,000 of them, most of the libraries', and every second or two of an extraction with a fast device all
    threads would wait a tenth of a second for the search.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
