"""The section "Images": the most typical and the most uncertain images of each cluster."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.images.listing import open_image, read_list
from pipeline.images.thumbnails import thumbnail
from pipeline.report import plots
from pipeline.report.cells import CellResult
from pipeline.report.sections.clusters import cluster_views
from pipeline.report.settings import MetricsSettings

STRIP_SIDE = 64
"""Pixels of a thumbnail."""


def images_data(result: CellResult, settings: MetricsSettings) -> dict[str, Any]:
    """The strips of the main method's clusters."""
    return {"strips": strip_views(result, settings.strip_images)}


def strip_views(result: CellResult, most: int) -> list[dict[str, Any]]:
    """For each cluster in use of the main method its most typical and its most uncertain images, none twice.

    Raises:
        PipelineError: if a picture is not in the image list any more, or cannot be opened.
    """
    records = {record.id: record for record in read_list(result.cell.images)}
    shown, matched = result.main.shown, result.main.matched

    def picture(row: int) -> dict[str, Any]:
        image_id, cluster = shown.ids[row], int(shown.clusters[row])
        if image_id not in records:
            raise PipelineError(
                f"{result.cell.images}: expected the image '{image_id}' of {result.cell.predictions}, but the list "
                f"lacks it; run 'dvc repro', which brings every stage up to date"
            )
        label = result.labels.get(image_id)
        return {
            "id": image_id,
            "uri": plots.data_uri(thumbnail(open_image(result.cell.images, records[image_id]), STRIP_SIDE), "webp"),
            "confidence": float(shown.confidences[row]),
            "label": label,
            "wrong": label != matched.get(cluster),
        }

    views = []
    for view in filter(lambda view: view["images"], cluster_views(result.main)):
        members = np.flatnonzero(shown.clusters == view["cluster"])
        order = members[np.argsort(-shown.confidences[members], kind="stable")].tolist()
        typical, uncertain = order[:most], order[most:][::-1][:most]
        views.append({**view, "typical": list(map(picture, typical)), "uncertain": list(map(picture, uncertain))})
    return views
