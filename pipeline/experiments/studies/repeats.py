"""Table 2: many runs, and how far they spread, beside the published results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.experiments.study import MethodRuns, Variant, Variants, together

if TYPE_CHECKING:
    from pipeline.heads.method import Methods
    from pipeline.heads.settings import FitSettings


Settings = MethodRuns


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One, of all runs."""
    return [together(fit, settings)]


def table(cells: Sequence[Variants], others: Sequence[Variants], methods: Methods) -> dict[str, str]:
    """Table 2: many runs of every method beside the published results, data set by data set."""
    from pipeline.base.csv_tables import table_text
    from pipeline.experiments.scores import read_scores
    from pipeline.report.result_tables import BRACKETS, html, latex, markdown, plain
    from pipeline.report.results import own_results, published_results

    scored = [("repeats", cell) for by_name in cells for cell in by_name.values()]
    scored += [("zero-shot", cell) for by_name in others for cell in by_name.values()]
    results = []
    for dataset in dict.fromkeys(cell.dataset for _, cell in scored):
        results += published_results(dataset)
        for study, cell in scored:
            if cell.dataset == dataset:
                results += own_results(dataset, cell.backbone, read_scores(study, cell), methods)
    about = (
        "ACC, NMI and ARI in percent. The kept run has the least training loss, a choice without labels; the oracle is "
        "chosen with labels, as the paper reports its best of 50. Bold: the best of all that read no text. "
        f"{BRACKETS}"
    )
    head, *rows = plain(results)
    return {
        "comparison.md": f"{about}\n\n{markdown(results)}",
        "comparison.tex": latex(results),
        "comparison.csv": table_text(head, rows),
        "comparison.html": html(results, about),
    }
