"""Embeddings that people bring themselves: .npy, .h5 or .parquet -> an array, checked, and an id for each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file
from pipeline.base.npy import open_array
from pipeline.features import hdf5
from pipeline.features.hdf5 import chosen, text

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


def read_vectors(path: Path) -> Vectors:
    """Reads a file of embeddings, (n, dim) or (n, views, dim) with the clean view first.

    Raises:
        PipelineError: if the file cannot be read, holds no such array, or values that are not finite or that float16
            cannot hold.
    """
    try:
        values, ids = READERS[path.suffix.lower()](path)
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        TypeError,
        MemoryError,
        pyarrow.ArrowException,
    ) as error:
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise PipelineError(f"{path}: not a readable {path.suffix} file ({what})") from None
    if values is None:
        raise PipelineError(
            f"{path}: expected embeddings below one of the names {', '.join(VALUES)}, or a single array of numbers, "
            "found neither; rename them"
        )
    if values.dtype.kind not in "fiu" or values.ndim not in (2, 3) or 0 in values.shape:
        raise PipelineError(
            f"{path}: expected numbers in the shape (n, dim) or (n, views, dim), found {values.dtype} {values.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # What becomes infinite is found below.
        views = values.astype(np.float32, copy=False)
    views = views[:, None] if views.ndim == 2 else views
    if len(views) < 2:
        raise PipelineError(f"{path}: expected at least 2 rows, found {len(views)}")
    if views.shape[2] < 2:
        raise PipelineError(
            f"{path}: expected embeddings of at least 2 numbers, found one each ({values.shape}); bring longer ones"
        )
    if views.shape[1] == 2:
        raise PipelineError(f"{path}: expected the clean view and at least two more, or no views at all, found 2 views")
    bad = ~np.isfinite(views).all(axis=(1, 2))
    if bad.any():
        raise PipelineError(f"{path}: expected finite numbers, found others in row {int(bad.argmax())}")
    largest = float(max(views.max(), -views.min()))
    if not LARGEST[0] <= largest <= LARGEST[1]:
        raise PipelineError(
            f"{path}: expected the largest absolute value between {LARGEST[0]:g} and {LARGEST[1]:g}, found "
            f"{largest:g}; multiply all by one number, which changes no clustering"
        )
    names = ids if ids is not None else [str(row) for row in range(len(views))]
    if len(names) != len(views):
        raise PipelineError(f"{path}: expected an id for each of {len(views):,} embeddings, found {len(names):,}")
    if any("\0" in name for name in names):
        raise PipelineError(f"{path}: expected ids of text, found one with a zero byte")
    if len(set(names)) < len(names):
        raise PipelineError(f"{path}: expected an id of its own for each embedding, found one that comes twice")
    return Vectors(names, views, sha256_of_file(path))


def _npy(path: Path) -> tuple[np.ndarray | None, list[str] | None]:
    # Copied, so that the numbers stay whatever becomes of the file.
    return np.array(open_array(path)), None


def _h5(path: Path) -> tuple[np.ndarray | None, list[str] | None]:
    found = hdf5.read(path, VALUES, IDS)
    return found.values, found.ids


def _parquet(path: Path) -> tuple[np.ndarray | None, list[str] | None]:
    schema = pyarrow.parquet.read_schema(path)
    lists = [field.name for field in schema if _is_list(field.type)]
    name = chosen(VALUES, schema.names, lists)
    ids = chosen(IDS, [field.name for field in schema if not pyarrow.types.is_nested(field.type)], [])
    # The other columns may hold pictures.
    table = pyarrow.parquet.read_table(path, columns=[column for column in (name, ids) if column is not None])
    found = None if name is None else _stacked(table[name])
    return found, None if ids is None else [text(value) for value in table[ids].to_pylist()]


def _is_list(kind: pyarrow.DataType) -> bool:
    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _stacked(column: pyarrow.ChunkedArray) -> np.ndarray:
    """Lists of numbers, or lists of such lists, as one array; a Python object for each number would take gigabytes."""
    parts = [_array(chunk) for chunk in column.chunks if len(chunk)]
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError("expected embeddings of the same length, found several lengths")
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0)


def _array(rows: pyarrow.Array) -> np.ndarray:
    """A part of a column."""
    shape, values = [len(rows)], rows
    while _is_list(values.type):
        if values.null_count:
            raise ValueError("expected an embedding in each row, found none in some")
        lengths = set(pyarrow.compute.unique(pyarrow.compute.list_value_length(values)).to_pylist())
        if len(lengths) > 1:
            raise ValueError("expected embeddings of the same length, found several lengths")
        shape += lengths
        values = values.flatten()
    result: np.ndarray = values.to_numpy(zero_copy_only=False).reshape(shape)
    return result


READERS: dict[str, Callable[[Path], tuple[np.ndarray | None, list[str] | None]]] = {
    ".npy": _npy,
    ".h5": _h5,
    ".hdf5": _h5,
    ".parquet": _parquet,
}
