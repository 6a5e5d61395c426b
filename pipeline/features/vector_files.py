"""Files of embeddings that others made: .npy, .npz, .h5 or .parquet -> an array, and ids where there are some."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from pipeline.base.npy import array_of, open_array
from pipeline.features import hdf5
from pipeline.features.hdf5 import EXPANDS, chosen, text

VIEWS = "views"
"""Name of the part that holds several views of each image."""
NAMED_VIEWS = re.compile(rf"(?:^|[^a-z]){VIEWS}[^a-z]*$")
"""The same of a `.npy` file, such as ``photos-views.npy`` or ``views_03.npy``."""
VALUES = ("embeddings", "embedding", "features", "vectors", "vector", VIEWS)
"""Names of the part of a file that holds the embeddings; any other name if it is the only candidate."""
IDS = ("path", "paths", "ids", "id", "filename", "filepath", "image", "image_path", "key", "url")
"""Names of the part that tells the rows apart; without one they are numbered."""


@dataclass(frozen=True)
class Found:
    """What a file holds, not checked yet."""

    values: np.ndarray | None
    """Of any shape and type; None: nothing in it can be meant."""
    ids: list[str] | None
    are_views: bool
    """Whether the name says that an image has several embeddings, the clean one first."""


def _npy(path: Path) -> Found:
    # Copied, so that the numbers stay whatever becomes of the file.
    return Found(np.array(open_array(path)), None, NAMED_VIEWS.search(path.stem.lower()) is not None)


def _npz(path: Path) -> Found:
    with zipfile.ZipFile(path) as archive:
        members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
        name = chosen(VALUES, members, [each for each in members if each not in IDS])
        of_ids = chosen(IDS, members, [])

        def array(part: str) -> np.ndarray:
            about = members[part]
            if about.file_size > EXPANDS * about.compress_size:
                raise ValueError(
                    f"'{part}': says that it holds {about.file_size:,} bytes, of which {about.compress_size:,} are in "
                    "the file"
                )
            return array_of(archive.read(about))

        values = None if name is None else array(name)
        ids = None if of_ids is None else array(of_ids)
    if ids is not None and ids.ndim != 1:
        raise ValueError(f"'{of_ids}': expected an id a row, found the shape {ids.shape}")
    return Found(values, None if ids is None else [text(value) for value in ids.tolist()], name == VIEWS)


def _h5(path: Path) -> Found:
    found = hdf5.read(path, VALUES, IDS)
    # A shard of a feature cache holds views under another name.
    return Found(found.values, found.ids, found.name == VIEWS or "schema_version" in found.attributes)


def _parquet(path: Path) -> Found:
    schema = pyarrow.parquet.read_schema(path)
    lists = [field.name for field in schema if _is_list(_stored(field.type))]
    name = chosen(VALUES, schema.names, lists)
    ids = chosen(IDS, [field.name for field in schema if not pyarrow.types.is_nested(_stored(field.type))], [])
    # The other columns may hold pictures.
    table = pyarrow.parquet.read_table(path, columns=[column for column in (name, ids) if column is not None])
    found = None if name is None else _stacked(table[name], _shape(schema.field(name)))
    return Found(found, None if ids is None else [text(value) for value in table[ids].to_pylist()], name == VIEWS)


def _stored(kind: pyarrow.DataType) -> pyarrow.DataType:
    """What a type's values are stored as: those of a tensor are lists."""
    return kind.storage_type if isinstance(kind, pyarrow.BaseExtensionType) else kind


def _is_list(kind: pyarrow.DataType) -> bool:
    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _shape(field: pyarrow.Field) -> tuple[int, ...] | None:
    """The shape of a tensor in each row, of Arrow's own type or of Ray's; None: the lists are as they say."""
    if getattr(field.type, "permutation", None) not in (None, list(range(len(getattr(field.type, "shape", ()))))):
        raise ValueError("expected tensors in the order of their dimensions, found a permutation")
    shape = getattr(field.type, "shape", None)
    if shape is None and b"tensor" in (field.metadata or {}).get(b"ARROW:extension:name", b""):
        # Ray's type is known only where Ray is loaded.
        shape = json.loads(field.metadata.get(b"ARROW:extension:metadata", b"null"))
    if shape is None:
        return None
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("expected a tensor's shape in whole numbers")
    return tuple(shape)


def _stacked(column: pyarrow.ChunkedArray, shape: tuple[int, ...] | None) -> np.ndarray:
    """Lists of numbers, or lists of such lists, as one array; a Python object for each number would take gigabytes."""
    parts = [_array(chunk) for chunk in column.chunks if len(chunk)]
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError("expected embeddings of the same length, found several lengths")
    if not parts:
        return np.empty(0)
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole if shape is None else whole.reshape(len(whole), *shape)


def _array(rows: pyarrow.Array) -> np.ndarray:
    """A part of a column."""
    shape, values = [len(rows)], rows.storage if isinstance(rows, pyarrow.ExtensionArray) else rows
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


READERS: dict[str, Callable[[Path], Found]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".h5": _h5,
    ".hdf5": _h5,
    ".parquet": _parquet,
}
