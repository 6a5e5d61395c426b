"""The section "Clusters": sizes and confusion matrix of each method."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from pipeline.report import plots
from pipeline.report.cells import CellResult, MethodResult
from pipeline.report.settings import MetricsSettings

TABLE_LIMIT = 20
"""Classes or clusters up to which the confusion matrix is a table with numbers; above, a picture."""
CONFUSIONS = 5
"""The most frequent mistakes that are told in words."""


def clusters_data(result: CellResult, _: MetricsSettings) -> dict[str, Any]:
    """The clusters of each method and, with labels, its confusion matrix."""
    return {
        "clusters": {method.name: cluster_views(method) for method in result.methods},
        "matrices": {method.name: matrix_view(method) for method in result.methods if result.labels},
    }


def cluster_views(method: MethodResult) -> list[dict[str, Any]]:
    """Every cluster with its size and the class that it is matched to, empty ones included."""
    sizes = Counter(method.shown.clusters.tolist())
    largest = max(sizes.values(), default=1)
    return [
        {
            "cluster": cluster,
            "mark": plots.mark(cluster),
            "images": sizes[cluster],
            "width": 100 * sizes[cluster] / largest,
            "matched": method.matched.get(cluster),
            "hits": method.counts.get((cluster, method.matched.get(cluster, "")), 0),
        }
        for cluster in range(int(method.summary["clusters"]))
    ]


def matrix_view(method: MethodResult) -> dict[str, Any]:
    """The confusion matrix, clusters in the order of the classes that they are matched to.

    A small one is a table: for each class the number of images, their share of the class, and whether cluster and class
    are matched, by cluster. A large one is a picture. Either way with the most frequent mistakes.
    """
    names = sorted({name for _, name in method.counts})
    found = {cluster for cluster, _ in method.counts}
    clusters = sorted(found, key=lambda cluster: (cluster not in method.matched, method.matched.get(cluster), cluster))
    counts = np.array([[method.counts[cluster, name] for cluster in clusters] for name in names])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    mistakes = Counter({key: count for key, count in method.counts.items() if method.matched.get(key[0]) != key[1]})
    small = max(counts.shape) <= TABLE_LIMIT
    return {
        "columns": [(cluster, method.matched.get(cluster)) for cluster in clusters],
        "rows": [
            {
                "name": name,
                "cells": [
                    {"images": count, "share": share, "hit": method.matched.get(cluster) == name}
                    for cluster, count, share in zip(clusters, row.tolist(), row_shares.tolist(), strict=True)
                ],
            }
            for name, row, row_shares in zip(names, counts, shares, strict=True)
        ],
        "uri": None if small else plots.data_uri(plots.matrix_png(shares), "png"),
        "mistakes": [
            {"name": name, "cluster": cluster, "matched": method.matched.get(cluster), "images": count}
            for (cluster, name), count in mistakes.most_common(CONFUSIONS)
            if count
        ],
    }
