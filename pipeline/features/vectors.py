"""Embeddings that people bring themselves, in a file or in several of a folder -> an array, checked, with ids."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file, sha256_of_json
from pipeline.features.vector_files import READERS, VALUES, VIEWS, Found

FORMATS = f"embeddings go as (n, dim) in {', '.join(READERS)}, or in a folder of such files alone"
"""The end of every message that refuses a file for what it holds."""


@dataclass(frozen=True)
class Vectors:
    """One row a picture, or whatever else was embedded."""

    ids: list[str]
    views: np.ndarray
    """float32 or float64, as precise as the file, (n, 1 + views, dim); index 0 is the clean view."""
    sha256: str
    """Of the file, or of all files of a folder."""


def read_vectors(path: Path, fewest: int = 2) -> Vectors:
    """Reads a file of embeddings, or the files of a folder in the order of the numbers in their names.

    Their shape is (n, dim); (n, views, dim) with the clean view first only under the name `views`, since tokens and
    pictures come in such arrays too.

    Args:
        path: the file or the folder.
        fewest: how many rows there must be.

    Raises:
        PipelineError: if a file cannot be read, holds no such array, or numbers that are not finite.
    """
    if not path.is_dir():
        return _checked(path, _read(path), sha256_of_file(path), fewest)
    parts = sorted((part for part in path.iterdir() if not part.name.startswith(".")), key=_in_order)
    read = [_read(part) for part in parts]
    whole = _joined(path, parts, read)
    return _checked(path, whole, sha256_of_json([sha256_of_file(part) for part in parts]), fewest)


def _in_order(path: Path) -> list[tuple[int, str]]:
    """What sorts part-2 before part-10."""
    return [(int(each), "") if each.isdecimal() else (-1, each) for each in re.split(r"(\d{1,18})", path.name) if each]


def _read(path: Path) -> Found:
    """What a file holds, if it may be embeddings by its type and its shape."""
    try:
        found = READERS[path.suffix.lower()](path)
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        TypeError,
        MemoryError,
        OverflowError,
        zipfile.BadZipFile,
        zlib.error,
        pyarrow.ArrowException,
    ) as error:
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise PipelineError(f"{path}: not a readable {path.suffix} file ({what}); {FORMATS}") from None
    values = found.values
    if values is None:
        raise PipelineError(
            f"{path}: expected embeddings below one of the names {', '.join(VALUES)}, or a single array of numbers, "
            f"found neither; rename them; {FORMATS}"
        )
    if values.dtype.kind not in "fiu" or values.ndim < 2 or 0 in values.shape:
        raise PipelineError(
            f"{path}: expected numbers in the shape (n, dim), found {values.dtype} {values.shape}; {FORMATS}"
        )
    if (values.ndim > 2 and values.shape[1] > 1 and not (found.are_views and values.ndim == 3)) or values.ndim > 3:
        raise PipelineError(
            f"{path}: expected one embedding a row, found the shape {values.shape}: of tokens keep one a picture or "
            f"their mean (array.mean(1)); pictures go as picture files; views of one picture, the clean one first, are "
            f"known by the name '{VIEWS}' ({VIEWS}.npy, or the part of a file); {FORMATS}"
        )
    return found


def _joined(folder: Path, parts: Sequence[Path], read: Sequence[Found]) -> Found:
    """The parts one after the other."""
    first, arrays = read[0], [each.values for each in read if each.values is not None]
    for part, each, values in zip(parts, read, arrays, strict=True):
        if values.shape[1:] != arrays[0].shape[1:]:
            raise PipelineError(
                f"{part}: expected embeddings of the shape {arrays[0].shape[1:]} as in {parts[0].name}, found "
                f"{values.shape[1:]}; keep the parts of one array in a folder of their own"
            )
        if (each.ids is None) != (first.ids is None):
            with_ids, without = (part, parts[0]) if first.ids is None else (parts[0], part)
            raise PipelineError(
                f"{folder}: expected ids in all files or in none, found some in {with_ids.name} and none in "
                f"{without.name}"
            )
        if each.ids is not None and len(each.ids) != len(values):
            raise PipelineError(
                f"{part}: expected an id for each of {len(values):,} embeddings, found {len(each.ids):,}"
            )
    ids = None if first.ids is None else [name for each in read for name in each.ids or ()]
    return Found(np.concatenate(arrays), ids, first.are_views)


def _checked(path: Path, found: Found, sha256: str, fewest: int) -> Vectors:
    values, ids = found.values, found.ids
    assert values is not None
    with np.errstate(over="ignore", invalid="ignore"):  # What becomes infinite is found below.
        wide = np.float32 if np.can_cast(values.dtype, np.float32) else np.float64
        views = values.astype(wide, copy=False)
    views = views[:, None] if views.ndim == 2 else views
    if len(views) < fewest:
        raise PipelineError(f"{path}: expected at least {fewest} rows, found {len(views)}")
    if views.shape[2] < 2:
        raise PipelineError(
            f"{path}: expected embeddings of at least 2 numbers, found one each ({values.shape}); bring longer ones"
        )
    if views.shape[1] == 2:
        raise PipelineError(f"{path}: expected the clean view and at least two more, or no views at all, found 2 views")
    bad = ~np.isfinite(views).all(axis=(1, 2))
    if bad.any():
        raise PipelineError(f"{path}: expected finite numbers, found others in row {int(bad.argmax())}")
    names = ids if ids is not None else [str(row) for row in range(len(views))]
    if len(names) != len(views):
        raise PipelineError(f"{path}: expected an id for each of {len(views):,} embeddings, found {len(names):,}")
    if any("\0" in name for name in names):
        raise PipelineError(f"{path}: expected ids of text, found one with a zero byte")
    if len(set(names)) < len(names):
        raise PipelineError(f"{path}: expected an id of its own for each embedding, found one that comes twice")
    return Vectors(names, views, sha256)
