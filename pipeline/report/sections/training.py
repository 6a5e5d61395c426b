"""The section "Training": the objective over the steps, and every run with its loss."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from pipeline.report import plots
from pipeline.report.cells import CellResult, MethodResult
from pipeline.report.settings import MetricsSettings


def training_data(result: CellResult, _: MetricsSettings) -> dict[str, Any]:
    """The figures of each method."""
    return {"curves": {method.name: curve_views(result, method) for method in result.methods}}


def curve_views(result: CellResult, method: MethodResult) -> list[dict[str, Any]]:
    """A figure for each term of a method's history."""
    views = []
    for term in method.terms:
        curves: dict[int, list[tuple[float, float]]] = {}
        for row in method.history:
            curves.setdefault(int(row["run"]), []).append((float(row["step"]), float(row[term])))
        svg = plots.curves_svg(curves, method.kept, f"{result.name} {method.name} {term}")
        views.append({"term": term, "svg": Markup(svg), "last": curves[method.kept][-1][1]})
    return views
