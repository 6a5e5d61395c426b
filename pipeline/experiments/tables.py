"""tables: the scores of a study's variants on all cells -> tables in Markdown; the comparison in LaTeX and HTML too."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.base.files import read_json, write_text
from pipeline.base.text import markdown_table
from pipeline.config.names import SCORES, TERMS, TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.experiments.studies import TERM_SETS, term_set_name
from pipeline.heads.method import Methods
from pipeline.report.result_tables import html, latex, markdown
from pipeline.report.results import METRICS, own_results, published_results

Variants = Mapping[str, Cell]
"""The variants of a study on one cell, by name."""

SCP = "scp"


def tables(study: str, cells: Sequence[Variants], others: Sequence[Variants], out: Path, methods: Methods) -> str:
    """Writes the tables of a study.

    Args:
        study: one of `TABLES`.
        cells: for each cell the study's variants, evaluated.
        others: for the comparison, results that stand beside it: of zero-shot classification.
        out: the folder to write; what was there is replaced.
        methods: the registry, for titles.

    Returns:
        the table in Markdown.

    Raises:
        PipelineError: if a variant has no scores.
    """
    texts = TABLES[study](cells, others, methods)
    shutil.rmtree(out, ignore_errors=True)
    for name, text in texts.items():
        write_text(out / name, text)
    return next(iter(texts.values()))


def read_scores(study: str, variant: Cell) -> dict[str, Any]:
    """What `evaluate` found of a variant."""
    again = f"pipeline evaluate --study {study} --dataset {variant.dataset} --backbone {variant.backbone}"
    return read_json(variant.evaluation / SCORES, again)


def comparison(cells: Sequence[Variants], others: Sequence[Variants], methods: Methods) -> dict[str, str]:
    """Table 2: many runs of every method beside the published results, data set by data set."""
    variants = [("repeats", cell) for by_name in cells for cell in by_name.values()]
    variants += [("zero-shot", cell) for by_name in others for cell in by_name.values()]
    results = []
    for dataset in dict.fromkeys(cell.dataset for _, cell in variants):
        results += published_results(dataset)
        for study, cell in variants:
            if cell.dataset == dataset:
                results += own_results(dataset, cell.backbone, read_scores(study, cell), methods)
    about = (
        "ACC, NMI and ARI in percent. The kept run has the least training loss, a choice without labels; the oracle is "
        "chosen with labels, as the paper reports its best of 50. Bold: the best of all that read no text."
    )
    return {
        "comparison.md": f"{about}\n\n{markdown(results)}",
        "comparison.tex": latex(results),
        "comparison.html": html(results, about),
    }


def ablation(cells: Sequence[Variants], *_: object) -> dict[str, str]:
    """Table 4: SCP with every set of its terms."""
    marks = {term_set_name(terms): terms for terms in TERM_SETS}
    return _study_table("ablation", cells, list(TERMS), lambda name: ["✓" if t in marks[name] else "" for t in TERMS])


def balance(cells: Sequence[Variants], *_: object) -> dict[str, str]:
    """Figure 5 as numbers: SCP with several weights of the balance term."""
    return _study_table("balance", cells, ["λ"], lambda name: [name])


def views(cells: Sequence[Variants], *_: object) -> dict[str, str]:
    """SCP on the first K cached views."""
    return _study_table("views", cells, ["K"], lambda name: [name])


def _study_table(
    study: str, cells: Sequence[Variants], columns: list[str], entries: Callable[[str], list[str]]
) -> dict[str, str]:
    """A row for each cell and variant: what varies, the clusters in use, and the scores on every split."""
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


TABLES: dict[str, Callable[[Sequence[Variants], Sequence[Variants], Methods], dict[str, str]]] = {
    "repeats": comparison,
    "ablation": ablation,
    "balance": balance,
    "views": views,
}
"""The studies that end in tables."""
