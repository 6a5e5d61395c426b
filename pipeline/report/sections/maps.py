"""The section "Maps": embeddings and logits in two dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.report import plots, projection
from pipeline.report.cells import CellResult, check_images
from pipeline.report.settings import MetricsSettings

LABEL_LIMIT = 25
"""Groups up to which a map carries their names."""


def maps_data(result: CellResult, settings: MetricsSettings) -> dict[str, Any]:
    """The maps of the main method."""
    return {"maps": map_views(result, settings)}


def map_views(result: CellResult, settings: MetricsSettings) -> list[dict[str, Any]]:
    """The main method's maps: embeddings beside logits, coloured by cluster and, with labels, by class.

    Raises:
        PipelineError: if the cache and the predictions are not about the same images.
    """
    shown = result.main.shown
    embeddings = result.features.read(result.shown)
    check_images(result, embeddings.ids)
    chosen = projection.sample(len(shown.ids), settings.map_images, settings.seed)
    clean = embeddings.clean[chosen]
    spaces = {"Embeddings": clean, "Logits": result.main.saved.model.logits(clean)}
    places = projection.project_each(spaces, settings.seed)
    clusters = shown.clusters[chosen]
    views = [map_view(space, "cluster", at, clusters, str) for space, at in places.items()]
    if result.labels:
        groups = class_groups(result)
        names = {group: name for name, group in groups.items()}
        classes = np.array([groups[result.labels[shown.ids[row]]] for row in chosen])
        views += [map_view(space, "class", at, classes, names.__getitem__) for space, at in places.items()]
    return views


def class_groups(result: CellResult) -> dict[str, int]:
    """A number for each class: that of the cluster matched to it, so that both look alike, else a free one."""
    groups = {name: cluster for cluster, name in result.main.matched.items()}
    free = int(result.main.summary["clusters"])
    for name in sorted(set(result.labels.values()) - set(groups)):
        groups[name] = free
        free += 1
    return groups


def map_view(
    space: str, kind: str, places: np.ndarray, groups: np.ndarray, name: Callable[[int], str]
) -> dict[str, Any]:
    """A map with the names of its groups at their places, in percent from the top left."""
    centres = plots.centres(places, groups)
    labels = [
        {"text": name(group), "left": 100 * x, "top": 100 * (1 - y), "mark": plots.mark(group)}
        for group, (x, y) in centres.items()
    ]
    return {
        "space": space,
        "kind": kind,
        "images": len(places),
        "uri": plots.data_uri(plots.map_png(places, groups), "png"),
        "labels": labels if len(labels) <= LABEL_LIMIT else [],
    }
