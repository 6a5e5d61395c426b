"""tables: the scores of a study's variants on all cells -> tables in Markdown, LaTeX and CSV."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.files import write_text
from pipeline.experiments.studies import with_tables
from pipeline.experiments.study import Variants
from pipeline.heads.method import Methods


def tables(study: str, cells: Sequence[Variants], others: Sequence[Variants], out: Path, methods: Methods) -> str:
    """Writes the tables of a study.

    Args:
        study: one of `with_tables`.
        cells: for each cell the study's variants, evaluated.
        others: the same of the study that stands beside it; empty where there is none.
        out: the folder to write; what was there is replaced.
        methods: the registry, for titles.

    Returns:
        the table in Markdown.

    Raises:
        PipelineError: if a variant has no scores.
    """
    texts = with_tables()[study].table(cells, others, methods)
    shutil.rmtree(out, ignore_errors=True)
    for name, text in texts.items():
        write_text(out / name, text)
    return next(iter(texts.values()))
