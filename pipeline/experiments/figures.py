"""figures: a cell, or a study on it -> the paper's figures for print, as SVG and PNG."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.base.files import write_bytes
from pipeline.config.paths import Cell
from pipeline.experiments.cell_figures import cell_figures
from pipeline.experiments.settings import FiguresSettings
from pipeline.experiments.shown_split import Shown
from pipeline.experiments.studies import with_figures
from pipeline.experiments.study import Variants
from pipeline.heads.method import Methods
from pipeline.report import charts


def figures(
    study: str | None,
    cell: Cell,
    variants: Variants,
    settings: FiguresSettings,
    out: Path,
    methods: Methods,
) -> list[str]:
    """Draws the figures of a cell, or of a study on it.

    Args:
        study: one of `with_figures`, or None for the cell's own figures.
        cell: the cell, fitted and evaluated.
        variants: of the study, by name.
        settings: how many images, and the seed.
        out: the folder to write ``<figure>.svg`` and ``<figure>.png`` to; what was there is replaced.
        methods: the registry, which restores saved heads.

    Returns:
        the names of the figures.

    Raises:
        PipelineError: if an input is missing or damaged.
    """
    shown = Shown(cell, settings, methods)
    drawn = with_figures()[study].figures(variants, shown) if study else cell_figures(shown)
    shutil.rmtree(out, ignore_errors=True)
    for name, figure in drawn.items():
        for kind in ("svg", "png"):
            data = charts.encoded(figure, kind, f"{cell.dataset} {cell.backbone} {name}")
            write_bytes(out / f"{name}.{kind}", data)
    return list(drawn)
