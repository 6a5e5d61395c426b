"""metrics: all cells -> the metrics, the tables for `dvc plots` and the page. The same inputs give the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.csv_tables import write_table
from pipeline.base.files import write_json, write_text
from pipeline.config.paths import Cell
from pipeline.heads.method import Methods
from pipeline.report.cells import CellResult, read_cell
from pipeline.report.numbers import (
    CONFUSION_PLOT,
    HISTORY_PLOT,
    confusion_rows,
    gather,
    gather_means,
    history_rows,
)
from pipeline.report.pages import template
from pipeline.report.sections import SECTIONS
from pipeline.report.settings import MetricsSettings

TEMPLATE, PAGE = "metrics/page.html.j2", "index.html"


def report(
    cells: list[Cell],
    fitted: Sequence[str],
    settings: MetricsSettings,
    metrics: Path,
    means: Path,
    plot_folder: Path,
    page_folder: Path,
    methods: Methods,
) -> Path:
    """Gathers the cells and writes the metrics files, the tables for `dvc plots` and the page.

    Args:
        cells: what to report, each fitted and evaluated.
        fitted: the methods to report; what is left of others is not shown.
        settings: how many images the page shows.
        metrics: the JSON file to write: data set -> backbone -> method -> what `evaluate` found.
        means: the JSON file for the means over the runs alone, of the shown split and in percent, for people.
        plot_folder: gets ``history.csv``, the objective's terms of all runs, and ``confusion.csv``, one row for each
            labelled image of the shown split; what was there is replaced.
        page_folder: gets ``index.html``, one file that needs no other; what was there is replaced.
        methods: the registry, which names them and gives their order.

    Returns:
        the path of the page.

    Raises:
        PipelineError: if a cell lacks an input, an input is damaged, or they are not about the same images.
    """
    results = [read_cell(cell, fitted, methods) for cell in cells]
    page = render(results, settings)

    shutil.rmtree(plot_folder, ignore_errors=True)
    shutil.rmtree(page_folder, ignore_errors=True)
    write_json(metrics, gather(results))
    write_json(means, gather_means(results))
    write_table(plot_folder / "history.csv", HISTORY_PLOT, history_rows(results))
    write_table(plot_folder / "confusion.csv", CONFUSION_PLOT, confusion_rows(results))
    # File names that are no UTF-8 are legal ids, but not legal in a page.
    write_text(page_folder / PAGE, page.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return page_folder / PAGE


def render(results: list[CellResult], settings: MetricsSettings) -> str:
    """The page of these cells, section by section; every text in it is escaped.

    Raises:
        PipelineError: if the inputs of a section are missing, damaged or not about the same images.
    """
    cells = [
        {"result": result, "sections": {section.name: section.data(result, settings) for section in SECTIONS}}
        for result in results
    ]
    return template(TEMPLATE).render(cells=cells, sections=SECTIONS)
