"""The section "Results": our scores, and the published ones beside them."""

from __future__ import annotations

from typing import Any

from pipeline.report.cells import CellResult
from pipeline.report.results import own_results, published_results
from pipeline.report.settings import MetricsSettings


def results_data(result: CellResult, _: MetricsSettings) -> dict[str, Any]:
    """Our results, the published ones of the same methods, and those of others."""
    published = published_results(result.cell.dataset)
    ours = {method.title for method in result.methods}
    scores = {method.name: method.scores for method in result.methods}
    return {
        "own": own_results(result.cell.dataset, result.cell.backbone, scores, result.registry),
        "published": [row for row in published if row.method in ours],
        "published_others": [row for row in published if row.method not in ours],
    }
