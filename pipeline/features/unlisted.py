"""A shard that no manifest vouches for, of another list or of a killed run: whole if its own digest says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.features import hdf5
from pipeline.features.shards import DTYPE, SCHEMA_VERSION, Origin, bytes_of, content_digest, encode_ids


def read_unlisted(path: Path) -> tuple[Origin, np.ndarray] | None:
    """What a shard says of itself: its origin, and its embeddings as `Embeddings.views`.

    None where it is damaged, of another schema version, or does not know its origin.
    """
    try:
        found = hdf5.read(bytes_of(path).data, ("embeddings",), ("ids",), ("keys",))
    except (OSError, ValueError):
        return None
    values, recipe = found.values, found.attributes.get("recipe")
    if found.attributes.get("schema_version") != SCHEMA_VERSION or not isinstance(recipe, str):
        return None
    if values is None or values.dtype != DTYPE or values.ndim != 3 or found.ids is None or found.keys is None:
        return None
    origin = Origin(recipe, found.keys)
    whole = content_digest(encode_ids(found.ids), values, origin) == found.attributes.get("sha256")
    return (origin, values) if whole and len(values) == len(found.keys) else None
