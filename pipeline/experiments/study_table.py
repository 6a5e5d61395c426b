"""A study's variants as a table in Markdown: what varies, and the scores of SCP on every split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.base.text import markdown_table
from pipeline.config.names import TEST, TRAIN
from pipeline.experiments.scores import read_scores
from pipeline.experiments.study import SCP, Variants
from pipeline.report.results import METRICS


def study_table(
    study: str, cells: Sequence[Variants], columns: list[str], entries: Callable[[str], list[str]]
) -> dict[str, str]:
    """A row for each cell and variant: what varies, the clusters in use, and the scores on every split.

    Args:
        study: its name, which the file gets.
        cells: for each cell the study's variants, evaluated.
        columns: the names of what varies.
        entries: of a variant's name what it has in these columns.

    Raises:
        PipelineError: if a variant has no scores.
    """
    read = [(variant, name, read_scores(study, variant)[SCP]) for by_name in cells for name, variant in by_name.items()]
    splits = [split for split in (TRAIN, TEST) if any(split in scores for *_, scores in read)]
    head = ["data set", "backbone", *columns, "clusters used"]
    for split in splits:
        head += [f"{split} ACC mean ± std", f"{split} ACC kept", f"{split} NMI kept", f"{split} ARI kept"]
    rows = []
    for variant, name, scores in read:
        row = [variant.dataset, variant.backbone, *entries(name), str(scores["clusters_used"])]
        for split in splits:
            if split not in scores:
                row += ["no labels", "", "", ""]
                continue
            acc = scores[split]["acc"]
            row.append(f"{100 * acc['mean']:.1f} ± {100 * acc['std']:.1f}")
            row += [f"{100 * scores[split][metric]['kept']:.1f}" for metric in METRICS]
        rows.append(row)
    return {f"{study}.md": markdown_table(head, rows)}
