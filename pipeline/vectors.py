"""Embeddings that people bring themselves: .npy, .h5 or .parquet -> an array, checked, and an id for each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet

from pipeline.errors import PipelineError
from pipeline.files import sha256_of_file

VALUES = ("embeddings", "embedding", "features", "vectors", "vector")
"""Names of the part of a file that holds the embeddings; any other name if it is the only candidate."""
IDS = ("path", "paths", "ids", "id", "filename", "filepath", "image")
"""Names of the part that tells the rows apart; without one they are numbered."""
LARGEST = (1e-2, 6e4)
"""Where the largest absolute value must lie: the cache holds float16."""


@dataclass(frozen=True)
class Vectors:
    """One row a picture, or whatever else was embedded."""

    ids: list[str]
    views: np.ndarray
    """float32 (n, 1 + views, dim); index 0 is the clean view."""
    sha256: str
    """Of the file."""


def is_vectors(source: str) -> bool:
    """Whether a source is a file of embeddings, by its suffix."""
    return Path(source).suffix.lower() in READERS and Path(source).is_file()


def read_vectors(path: Path) -> Vectors:
    """Reads a file of embeddings, (n, dim) or (n, views, dim) with the clean view first.

    Raises:
        PipelineError: if the file cannot be read, holds no such array, or values that are not finite or that float16
            cannot hold.
    """
    try:
        values, ids = READERS[path.suffix.lower()](path)
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, TypeError, pyarrow.ArrowException) as error:
        raise PipelineError(f"{path}: not a readable {path.suffix} file ({str(error).splitlines()[0]})") from None
    if values is None:
        raise PipelineError(
            f"{path}: expected embeddings below one of the names {', '.join(VALUES)}, or a single array of numbers, "
            "found neither; rename them"
        )
    if values.dtype.kind not in "fiu" or values.ndim not in (2, 3) or 0 in values.shape:
        raise PipelineError(
            f"{path}: expected numbers in the shape (n, dim) or (n, views, dim), found {values.dtype} {values.shape}"
        )
    views = values.astype(np.float32)
    views = views[:, None] if views.ndim == 2 else views
    if len(views) < 2:
        raise PipelineError(f"{path}: expected at least 2 rows, found {len(views)}")
    if views.shape[1] == 2:
        raise PipelineError(f"{path}: expected the clean view and at least two more, or no views at all, found 2 views")
    bad = ~np.isfinite(views).all(axis=(1, 2))
    if bad.any():
        raise PipelineError(f"{path}: expected finite numbers, found others in row {int(bad.argmax())}")
    largest = float(np.abs(views).max())
    if not LARGEST[0] <= largest <= LARGEST[1]:
        raise PipelineError(
            f"{path}: expected the largest absolute value between {LARGEST[0]:g} and {LARGEST[1]:g}, found "
            f"{largest:g}; multiply all by one number, which changes no clustering"
        )
    names = ids if ids is not None else [str(row) for row in range(len(views))]
    if len(names) != len(views):
        raise PipelineError(f"{path}: expected an id for each of {len(views):,} embeddings, found {len(names):,}")
    if len(set(names)) < len(names):
        raise PipelineError(f"{path}: expected an id of its own for each embedding, found one that comes twice")
    return Vectors(names, views, sha256_of_file(path))


def _npy(path: Path) -> tuple[np.ndarray | None, list[str] | None]:
    return np.load(path, allow_pickle=False), None


def _h5(path: Path) -> tuple[np.ndarray | None, list[str] | None]:
    with h5py.File(path, "r") as file:
        arrays = [name for name, value in file.items() if isinstance(value, h5py.Dataset) and value.ndim in (2, 3)]
        name = _chosen(VALUES, list(file), arrays)
        ids = _chosen(IDS, list(file), [])
        found = None if name is None else np.asarray(file[name][()])
        return found, None if ids is None else [_text(value) for value in file[ids][()]]


def _parquet(path: Path) -> tuple[np.ndarray | None, list[str] | None]:
    table = pyarrow.parquet.read_table(path)
    lists = [field.name for field in table.schema if pyarrow.types.is_nested(field.type)]
    name = _chosen(VALUES, table.column_names, lists)
    ids = _chosen(IDS, [each for each in table.column_names if each not in lists], [])
    found = None if name is None else np.array(table[name].to_pylist())
    return found, None if ids is None else [_text(value) for value in table[ids].to_pylist()]


def _chosen(names: tuple[str, ...], there: list[str], candidates: list[str]) -> str | None:
    """The first of the names that is there, or else the only candidate."""
    known = [name for name in names if name in there]
    if known:
        return known[0]
    return candidates[0] if len(candidates) == 1 else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


READERS: dict[str, Callable[[Path], tuple[np.ndarray | None, list[str] | None]]] = {
    ".npy": _npy,
    ".h5": _h5,
    ".hdf5": _h5,
    ".parquet": _parquet,
}
