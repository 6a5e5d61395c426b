"""robustness: scores of disturbed pictures -> tables, figures and one page."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pipeline.base.csv_tables import write_table
from pipeline.base.files import write_bytes, write_json, write_text
from pipeline.base.text import markdown_table
from pipeline.config.disturbed import PREDICTED, SCORE_COLUMNS
from pipeline.config.paths import Cell
from pipeline.experiments.robustness import drawn
from pipeline.experiments.robustness.results import Results, Rows, all_tables, filled, overview, summary
from pipeline.experiments.settings import RobustnessStudy
from pipeline.images.listing import open_image, read_list, sample
from pipeline.report import charts
from pipeline.report.latex import tabular
from pipeline.report.pages import template

ABOUT = (
    "Mean ± standard deviation over the runs; ACC, NMI, ARI and purity in percent. Relative error: the mean over the "
    "corruptions of 1 - ACC, by that of k-means. Without labels: the ARI with the clustering of the clean pictures, "
    "the share of pictures that moved to another cluster, and the AUROC of a low confidence for that."
)
EXAMPLES = 8
"""Pictures from which the examples are made."""


def _figures(cell: Cell, results: Results, study: RobustnessStudy, seed: int) -> dict[str, Figure]:
    """All figures of a cell; they are of the corruptions that clean heads predict, and there are none without these."""
    if PREDICTED not in study.axes:
        return {}
    chosen = sample(read_list(cell.images), EXAMPLES)
    pictures = [(record.source, open_image(cell.images, record).convert("RGB")) for record in chosen]
    return {
        "heat-map": drawn.heat_map(results, study),
        "curves": drawn.curves(results, study),
        "examples": drawn.examples(pictures, study, seed),
    }


def write_tables(places: Sequence[tuple[Cell, Path]], study: RobustnessStudy, seed: int, out: Path) -> str:
    """Writes the tables in Markdown, LaTeX, CSV and JSON, the figures, and the page.

    Args:
        places: each cell, and the folder of its scores.
        study: what was computed.
        seed: of the corruptions.
        out: the folder; what was there is replaced.

    Returns:
        the summary of each cell, in Markdown.

    Raises:
        PipelineError: if scores or the pictures of the examples are missing.
    """
    read = [(cell, Results.read(f"{cell.dataset} x {cell.backbone}", folder)) for cell, folder in places]
    pages: list[tuple[str, list[Rows], dict[str, str]]] = []
    short = []
    shutil.rmtree(out, ignore_errors=True)
    markdown, latex = [f"{ABOUT}\n"], []
    if len(read) > 1 and PREDICTED in study.axes:
        first = overview([results for _, results in read], study)
        heading, columns, rows = first
        markdown += ["## All cells\n", f"**{heading}**\n\n{markdown_table(columns, rows)}"]
        latex.append(tabular(columns, rows, f"{heading}. {ABOUT}"))
        pages.append(("All cells", [first], {}))
    for cell, results in read:
        tables = all_tables(results, study)
        markdown += [f"## {results.heading}\n"]
        for title, columns, rows in tables:
            markdown.append(f"**{title}**\n\n{markdown_table(columns, rows)}")
            latex.append(tabular(columns, rows, f"{results.title}. {title}. {ABOUT}"))
        title, columns, rows = filled(summary(results, study))
        short.append(f"**{results.title}: {title}**\n\n{markdown_table(columns, rows)}")
        shown = {}
        for name, figure in _figures(cell, results, study, seed).items():
            for kind in ("svg", "png"):
                data = charts.encoded(figure, kind, f"{results.title} {name}")
                write_bytes(out / cell.dataset / cell.backbone / f"{name}.{kind}", data)
            shown[name] = base64.b64encode(data).decode()
        pages.append((results.heading, tables, shown))
    write_text(out / "robustness.md", "\n".join(markdown))
    write_text(out / "robustness.tex", "\n".join(latex))
    write_json(out / "robustness.json", [{"cell": results.title, "scores": results.plain()} for _, results in read])
    every = [
        (results.title, *key[:2], run, key[2], value)
        for _, results in read
        for key, values in results.values.items()
        for run, value in enumerate(values.tolist())
    ]
    write_table(out / "robustness.csv", ("cell", *SCORE_COLUMNS), every)
    write_text(out / "robustness.html", template("robustness.html.j2").render(cells=pages, about=ABOUT))
    return "\n".join(short)
