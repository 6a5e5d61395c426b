"""Embeddings that were brought -> a feature cache, in the place of `collect` and `extract`."""

from __future__ import annotations

from pathlib import Path

from pipeline.base.csv_tables import write_table
from pipeline.base.files import sha256_of_json
from pipeline.collection.result import SPLIT, Collection
from pipeline.config.names import OWN
from pipeline.features.manifest import MANIFEST_NAME, Manifest, listed_shards
from pipeline.features.scaling import KEY, Scaling, rounded
from pipeline.features.shards import reusable_shard, write_shard
from pipeline.features.vectors import Vectors
from pipeline.images.examination import REJECTED, REJECTED_COLUMNS
from pipeline.images.listing import ImageRecord, write_list

SHARD = f"{SPLIT}-00000.h5"


def bring(vectors: Vectors, scaling: Scaling | None, collection: Collection) -> Path:
    """Writes the cache, the list of ids and an empty `rejected.csv`; a cache of the same file is kept.

    Args:
        vectors: what was read.
        scaling: see `scaling_for`; it is recorded, and heads that are fitted know it.
        collection: where to write.

    Returns:
        the folder of the cache.

    Raises:
        PipelineError: if the disk gives back something else than was written.
    """
    folder = collection.features(OWN)
    settings = {} if scaling is None else {KEY: scaling.record()}
    made_of = sha256_of_json([vectors.sha256, settings]) if settings else vectors.sha256
    listed = listed_shards(folder).get(SHARD)
    whole = reusable_shard(folder / SHARD, vectors.ids, vectors.views.shape, made_of, listed)
    if whole is None:
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
        whole = write_shard(folder / SHARD, vectors.ids, rounded(vectors.views, scaling), made_of)
    _, views, dim = vectors.views.shape
    manifest = Manifest(collection.name, OWN, vectors.sha256, dim, views - 1, settings, {SPLIT: [whole]})
    manifest.write(folder)
    write_list(collection.images, [ImageRecord(name, SPLIT, "", None, "") for name in vectors.ids])
    write_table(collection.folder / REJECTED, REJECTED_COLUMNS, [])
    return folder
