"""systems: the scores of several studies -> every system of the paper's tables on the same caches, ranked."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.base.csv_tables import write_table
from pipeline.base.files import write_bytes, write_json, write_text
from pipeline.base.text import markdown_table
from pipeline.config.paths import Cell
from pipeline.experiments import systems_published, systems_ranks
from pipeline.experiments.study import Variants
from pipeline.experiments.systems_on_cell import read_systems
from pipeline.experiments.systems_published import published_files, published_groups
from pipeline.experiments.systems_ranks import rank
from pipeline.experiments.systems_tables import ABOUT, TEXTS, plain_rows, plain_systems, rows
from pipeline.heads.method import Methods
from pipeline.report import charts
from pipeline.report.latex import tabular
from pipeline.report.pages import template
from pipeline.report.plots import data_uri
from pipeline.report.results import best


def systems(
    cells: Sequence[Mapping[str, Variants]],
    record_of: Callable[[str, Cell, str], Path],
    out: Path,
    costs: Path,
    methods: Methods,
) -> str:
    """Writes the systems of every cell and their ranks, once without and once with what each cost.

    Args:
        cells: for each cell the variants of each of `SOURCES`, by study and name, evaluated; a study without any is
            left out there.
        record_of: where it is written down how the fit of a study's variant went.
        out: the folder for what is the same every time; what was there is replaced.
        costs: the folder for the same with seconds.
        methods: the registry, which names them and gives their order.

    Returns:
        the tables with costs, and the ranks, in Markdown.

    Raises:
        PipelineError: if scores are missing.
    """
    found = [read_systems(by_study, record_of, methods) for by_study in cells]
    published = published_groups(found, methods)
    rankings = rank(found)
    figures = {each.backbone: figure for each in rankings if (figure := each.figure())}
    drawn = {
        name: {kind: charts.encoded(figure, kind, f"systems {name}") for kind in ("svg", "png")}
        for name, figure in figures.items()
    }
    ranked = [(each.backbone, each.line(), each.rows()) for each in rankings]
    below = [f"**{name}**\n\n{line}\n\n{markdown_table(*table)}" for name, line, table in ranked]
    for folder, with_costs in ((out, False), (costs, True)):
        shutil.rmtree(folder, ignore_errors=True)
        tables = {each.title: rows(each, with_costs) for each in found}
        parts = [f"**{title}**\n\n{markdown_table(*table)}" for title, table in tables.items()]
        write_text(folder / "systems.md", "\n".join([f"{ABOUT}\n", *parts]))
        write_text(folder / "systems.tex", "\n".join(tabular(*table, f"{t}. {ABOUT}") for t, table in tables.items()))
        write_table(folder / "systems.csv", *plain_rows(found, with_costs))
        for name, text in published_files(published).items():
            write_text(folder / name, text)
        write_json(folder / "systems.json", [plain_systems(each, with_costs) for each in found])
        write_text(folder / "ranks.md", "\n".join([f"{systems_ranks.ABOUT}\n", *below]))
        notes = ((f"{name}. {line} {systems_ranks.ABOUT}", table) for name, line, table in ranked)
        write_text(folder / "ranks.tex", "\n".join(tabular(*table, note) for note, table in notes))
        write_table(folder / "ranks.csv", systems_ranks.PLAIN, [row for each in rankings for row in each.plain_rows()])
        for name, files in drawn.items():
            for kind, data in files.items():
                write_bytes(folder / f"critical-difference-{name}.{kind}", data)
        page = template("systems.html.j2").render(
            tables=tables,
            about=ABOUT,
            wide=TEXTS,
            published=published,
            about_published=systems_published.ABOUT,
            best=best,
            ranked=ranked,
            about_ranks=systems_ranks.ABOUT,
            figures={name: data_uri(files["png"], "png") for name, files in drawn.items()},
        )
        write_text(folder / "systems.html", page)
    return "\n".join([*parts, *below])
