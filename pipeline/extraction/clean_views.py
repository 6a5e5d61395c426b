"""Clean views that are made while pictures are looked at, so that a new picture is decoded once and not twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image

from pipeline.backbones.geometry import Geometry
from pipeline.extraction import views

MOST_BYTES = 2**30
"""Of the views that are kept, 7,000 of 224 pixels in colour; pictures beyond are decoded again."""
MOST_OF_FREE = 0.25
"""Of what is free on the disk, which the results need too."""


class CleanViews:
    """In a file without a name, which is gone with this process whatever ends it."""

    def __init__(self, file: FileIO, geometries: Sequence[Geometry], most: float) -> None:
        """Nothing is kept yet.

        Args:
            file: open for both reading and writing, empty.
            geometries: of the backbones that will ask.
            most: bytes.
        """
        self._most = most
        self._file, self._geometries = file, list(dict.fromkeys(geometries))
        self._places: dict[tuple[str, Geometry], tuple[int, tuple[int, ...]]] = {}
        self._end = 0
        self._lock = Lock()

    def add(self, digest: str, picture: Image.Image) -> None:
        """Keeps the views of a picture, in mode ``L`` or ``RGB``, for its content's digest, while there is room."""
        for geometry in self._geometries:
            if self._end >= self._most:
                return
            view = views.resample(picture, geometry)
            # A full disk costs the second decode that is saved here.
            with self._lock, suppress(OSError):
                self._file.seek(self._end)
                if self._file.write(view.tobytes()) == view.nbytes:
                    self._places[digest, geometry] = self._end, view.shape
                    self._end += view.nbytes

    def get(self, digest: str, geometry: Geometry) -> np.ndarray | None:
        """The view as `views.resample` made it; None: it is not kept."""
        if (digest, geometry) not in self._places:
            return None
        begin, shape = self._places[digest, geometry]
        view = np.empty(shape, np.uint8)
        with self._lock, suppress(OSError):
            self._file.seek(begin)
            if self._file.readinto(view.data) == view.nbytes:
                return view
        return None


@contextmanager
def clean_views(folder: Path, geometries: Sequence[Geometry]) -> Generator[CleanViews, None, None]:
    """A place for the views of pictures that are about to be looked at.

    Args:
        folder: on whose disk they lie.
        geometries: of the backbones that will ask.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        yield CleanViews(file, geometries, min(MOST_BYTES, MOST_OF_FREE * shutil.disk_usage(folder).free))
