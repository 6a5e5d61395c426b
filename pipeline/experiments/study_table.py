"""A study's variants as a table in Markdown, LaTeX and CSV: what varies, and the method's scores on every split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.base.csv_tables import table_text
from pipeline.base.text import markdown_table
from pipeline.config.names import TEST, TRAIN
from pipeline.experiments.scores import read_scores
from pipeline.experiments.study import Variants
from pipeline.report.latex import tabular
from pipeline.report.results import METRICS
from pipeline.report.spread import ABOUT, Spread


def study_table(
    study: str,
    cells: Sequence[Variants],
    columns: list[str],
    entries: Callable[[str], list[str]],
    beside: tuple[str, Sequence[Variants]] | None = None,
) -> dict[str, str]:
    """A row for each cell and variant: what varies, the clusters in use, the runs, and the scores on every split.

    The CSV file has a number a column, and all of them for every metric.

    Args:
        study: its name, which the files get.
        cells: for each cell the study's variants, of one method each, evaluated.
        columns: the names of what varies.
        entries: of a variant's name what it has in these columns.
        beside: another study, and its variants on the same cells, whose rows follow those of each cell.

    Raises:
        PipelineError: if a variant has no scores.
    """
    read = []
    other, others = beside or ("", [{} for _ in cells])
    for own, more in zip(cells, others, strict=True):
        for source, by_name in ((study, own), (other, more)):
            for name, variant in by_name.items():
                (scores,) = read_scores(source, variant).values()
                read.append((variant, name, scores))
    splits = [split for split in (TRAIN, TEST) if any(split in scores for *_, scores in read)]
    head: list[object] = ["data set", "backbone", *columns, "clusters used", "runs"]
    plain_head = list(head)
    for split in splits:
        head += [*Spread.columns(f"{split} ACC"), f"{split} NMI kept", f"{split} ARI kept"]
        plain_head += [name for metric in METRICS for name in Spread.plain_columns(f"{split} {metric.upper()}")]
    rows, plain_rows = [], []
    for variant, name, scores in read:
        row: list[object] = [variant.dataset, variant.backbone, *entries(name), scores["clusters_used"], scores["runs"]]
        plain_row = list(row)
        for split in splits:
            if split not in scores:
                row += ["no labels", *[""] * (len(Spread.columns("")) + 1)]
                plain_row += [""] * len(METRICS) * len(Spread.plain_columns(""))
                continue
            spread = {metric: Spread.of(scores[split][metric], scores["runs"]) for metric in METRICS}
            row += [*spread["acc"].cells(), f"{spread['nmi'].kept:.1f}", f"{spread['ari'].kept:.1f}"]
            plain_row += [value for metric in METRICS for value in spread[metric].plain()]
        rows.append(row)
        plain_rows.append(plain_row)
    return {
        f"{study}.md": f"{ABOUT}\n\n{markdown_table(head, rows)}",
        f"{study}.tex": tabular(head, rows, ABOUT),
        f"{study}.csv": table_text(plain_head, plain_rows),
    }
