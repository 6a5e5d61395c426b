"""search: a picture and a collection -> the collection's nearest pictures, as rows and as a contact sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_bytes
from pipeline.collection.embedder import Embedder
from pipeline.collection.numbers import Numbers, called, read_numbers
from pipeline.collection.request import unreadable
from pipeline.collection.result import SPLIT, Collection
from pipeline.collection.tables import read_shown
from pipeline.config.names import HEAD
from pipeline.features.cache import open_features
from pipeline.features.neighbours import nearest
from pipeline.heads.saved import load_model
from pipeline.images.decoding import decode
from pipeline.images.examination import examine
from pipeline.images.listing import ImageRecord, open_image, read_list
from pipeline.images.thumbnails import thumbnail_path
from pipeline.methods import METHODS
from pipeline.report.charts import encoded
from pipeline.report.picture_charts import Hit
from pipeline.report.picture_charts import sheet as contact_sheet

COLUMNS = ("rank", "path", "distance", "cluster", "name")
PIXELS = 200
"""Side of a picture on the sheet."""


def find(
    collection: Collection, image: Path, space: str, count: int, sheet: Path, device: str
) -> list[tuple[int, str, str, int | str, str]]:
    """Finds the nearest pictures by Euclidean distance, exactly, and draws them.

    Args:
        collection: with its head and its cache.
        image: the picture to look for.
        space: ``embedding``: the clean embeddings; ``head``: the logits, which tell clusters apart and little else.
        count: how many.
        sheet: the PNG file to write.
        device: ``cpu`` or a CUDA device.

    Returns:
        rows in the columns `COLUMNS`, the nearest first. A picture that was set aside is in no cluster, an empty text.

    Raises:
        PipelineError: if the picture cannot be read, one that was found is gone and so is its thumbnail, or the head or
            the cache is missing, damaged or about other pictures than the list.
    """
    saved = load_model(collection.head / HEAD, METHODS)
    backbone = "+".join(part["backbone"] for part in saved.embedding["parts"])
    cache = open_features(collection.features(backbone)).read(SPLIT)
    records = read_list(collection.images)
    if cache.ids != [record.id for record in records]:
        raise PipelineError(f"{collection.folder}: cache and list differ; run 'pipeline cluster' on it again")
    embedder = Embedder(saved.embedding, device, str(collection.head))
    (looked,) = examine(Path.cwd(), [image], "query", ranges=embedder.ranges)
    if isinstance(looked, tuple):
        raise unreadable(image, looked.reason)
    query = embedder.embed([looked])
    logits = saved.model.logits(cache.clean)
    if space == "head":
        found, distances = nearest(logits, saved.model.logits(query.astype(np.float32)), count)
    else:
        found, distances = nearest(cache.clean, query, count)
    hits = [records[row] for row in found[0]]
    shown, numbers = read_shown(collection), read_numbers(collection.clusters)
    cluster_of = dict(zip(shown.ids, shown.clusters.tolist(), strict=True))
    names = [_called(cluster_of.get(record.id), numbers) for record in hits]

    first = Hit(_small(open_image(Path(), looked)), "query", False)
    others = [
        Hit(_small(_kept(collection, record)), f"{rank}  {name}", False)
        for rank, (record, name) in enumerate(zip(hits, names, strict=True), 1)
    ]
    write_bytes(sheet, encoded(contact_sheet(first, others), "png", "search"))
    rows = enumerate(zip(hits, distances[0].tolist(), names, strict=True), 1)
    return [(rank, each.id, f"{far:.4f}", cluster_of.get(each.id, ""), name) for rank, (each, far, name) in rows]


def _called(cluster: int | None, numbers: Numbers | None) -> str:
    """What people call a cluster."""
    if cluster is None:
        return "set aside"
    return called(cluster, numbers)


def _kept(collection: Collection, record: ImageRecord) -> Image.Image:
    """The picture, or its thumbnail where it was moved or damaged since."""
    try:
        return open_image(collection.images, record)
    except PipelineError:
        kept = thumbnail_path(collection.thumbnails, record.digest)
        if not kept.is_file():
            raise
        return decode(kept)


def _small(picture: Image.Image) -> Image.Image:
    picture.thumbnail((PIXELS, PIXELS))
    return picture
