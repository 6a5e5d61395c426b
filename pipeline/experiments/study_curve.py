"""A study's variants as a curve: the scores of SCP against the number that varies."""

from __future__ import annotations

from matplotlib.figure import Figure

from pipeline.experiments.scores import read_scores
from pipeline.experiments.study import SCP, Variants
from pipeline.report import charts
from pipeline.report.charts import Curve


def study_curve(study: str, by_name: Variants, splits: list[str], x_label: str) -> Figure:
    """ACC and NMI of a study's variants, whose names are numbers; without labels the clusters in use.

    Args:
        study: its name.
        by_name: its variants on one cell, evaluated.
        splits: whose scores are drawn.
        x_label: what varies.

    Raises:
        PipelineError: if a variant has no scores.
    """
    at = sorted(by_name, key=float)
    scores = [read_scores(study, by_name[name])[SCP] for name in at]
    runs = max(score["runs"] for score in scores)
    cell = next(iter(by_name.values()))
    title = f"SCP, {runs} run{'s' * (runs > 1)} at each point\n{cell.dataset}, {cell.backbone}"
    curves = []
    for split in splits:
        if not all(split in score for score in scores):
            continue
        for metric in ("acc", "nmi"):
            values = [score[split][metric] for score in scores]
            means, stds, kept = ([100 * value[key] for value in values] for key in ("mean", "std", "kept"))
            curves.append(Curve(metric.upper(), means, stds, kept))
    if curves:
        return charts.curve([float(name) for name in at], curves, x_label, f"percent, {splits[0]} split", title)
    used = [float(score["clusters_used"]) for score in scores]
    clusters = [Curve("clusters", used, [0.0] * len(used), used)]
    return charts.curve([float(name) for name in at], clusters, x_label, "clusters in use", title)
