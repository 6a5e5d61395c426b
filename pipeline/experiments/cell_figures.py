"""The figures of a cell: maps of embeddings and logits, image search, the image cloud."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json
from pipeline.config.names import HEAD, SUMMARY
from pipeline.experiments.shown_split import Shown
from pipeline.experiments.study import SCP
from pipeline.features.neighbours import nearest
from pipeline.heads.saved import load_model
from pipeline.images.listing import open_image, read_list
from pipeline.report import charts, picture_charts, projection
from pipeline.report.charts import Map
from pipeline.report.picture_charts import Hit

THUMBNAIL = 64
"""Pixels of a picture's longer side in the image cloud."""


def cell_figures(shown: Shown) -> dict[str, Figure]:
    """Maps of embeddings and logits (Figures 3 and 4), image search (6 and 7) and the image cloud (A.2)."""
    model = load_model(shown.cell.heads / SCP / HEAD, shown.methods).model
    logits = model.logits(shown.clean)
    return {
        "maps": map_figure(shown, logits),
        "search-embedding": search_figure(shown, shown.clean, "Nearest by embedding"),
        "search-head": search_figure(shown, logits, f"Nearest by logits; {kept_run(shown)}"),
        "cloud": cloud_figure(shown, logits),
    }


def map_figure(shown: Shown, logits: np.ndarray) -> Figure:
    """t-SNE of the clean embeddings beside t-SNE of the logits, by class where it is known, else by cluster."""
    chosen = shown.sample(shown.settings.map_images)
    panels = []
    for title, rows in (("Embeddings", shown.clean[chosen]), ("Logits of the head", logits[chosen])):
        groups = shown.classes(chosen) if shown.labels else logits[chosen].argmax(1)
        panels.append(Map(title, projection.project(rows, shown.settings.seed), groups))
    clusters = {int(group): "cluster" for group in np.unique(panels[0].groups)}
    return charts.maps(
        panels, shown.names if shown.labels else clusters, 2, f"{kept_run(shown)}; {shown.titled(len(chosen))}"
    )


def kept_run(shown: Shown) -> str:
    """Which run of SCP the figures are of."""
    runs = len(read_json(shown.cell.heads / SCP / SUMMARY, "pipeline fit")["losses"])
    return f"SCP, the run kept of {runs} without labels" if runs > 1 else "SCP, one run"


def search_figure(shown: Shown, rows: np.ndarray, title: str) -> Figure:
    """A query drawn by the seed, and its nearest images by Euclidean distance between `rows`.

    The paper searches by embedding and by SCP; of SCP we take the logits (ours).
    """
    query = int(np.random.default_rng(shown.settings.seed).integers(len(shown.ids)))
    found, _ = nearest(rows, rows[query : query + 1], shown.settings.search_results + 1)
    hits = [row for row in found[0].tolist() if row != query][: shown.settings.search_results]

    def hit(row: int, rank: int, picture: Image.Image) -> Hit:
        label = shown.labels[row] if shown.labels else ""
        wrong = bool(shown.labels) and row != query and label != (shown.labels or [])[query]
        start = "query" if rank == 0 else str(rank)
        return Hit(picture, f"{start} {label}".strip()[:22], wrong)

    chosen = [query, *hits]
    first, *others = [
        hit(row, rank, picture)
        for rank, (row, picture) in enumerate(zip(chosen, pictures_of(shown, chosen), strict=True))
    ]
    return picture_charts.sheet(first, others, f"{title}; {shown.titled(len(shown.ids))}")


def cloud_figure(shown: Shown, logits: np.ndarray) -> Figure:
    """Pictures placed by t-SNE of their logits, moved apart, framed by cluster."""
    chosen = shown.sample(shown.settings.cloud_images)
    pictures = pictures_of(shown, chosen.tolist())
    for picture in pictures:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
    places = projection.project(logits[chosen], shown.settings.seed)
    return picture_charts.cloud(
        pictures, places, logits[chosen].argmax(1), f"{kept_run(shown)} and its clusters; {shown.titled(len(chosen))}"
    )


def pictures_of(shown: Shown, chosen: list[int]) -> list[Image.Image]:
    """The pictures of some images.

    Raises:
        PipelineError: if an image is not in the list, or its picture cannot be read.
    """
    cell, ids = shown.cell, shown.ids
    records = {record.id: record for record in read_list(cell.images)}
    missing = [ids[row] for row in chosen if ids[row] not in records]
    if missing:
        raise PipelineError(f"{cell.images}: the image '{missing[0]}' is not in the list; run 'dvc repro'")
    return [open_image(cell.images, records[ids[row]]) for row in chosen]
