"""compare: every method's runs on the same caches -> a leaderboard, and what choices without labels are worth.

Nothing here reads a label file: accuracies come from what `evaluate` wrote, and the criteria see none of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.base.csv_tables import write_table
from pipeline.base.files import write_json, write_text
from pipeline.base.text import markdown_table
from pipeline.config.paths import Cell
from pipeline.evaluation.settings import CeilingSettings
from pipeline.experiments.leaderboard import read_board
from pipeline.experiments.leaderboard_tables import plain_board, plain_rows, rows, selection_table
from pipeline.experiments.studies import leaderboard
from pipeline.heads.method import ALONE, Methods
from pipeline.report import spread
from pipeline.report.latex import tabular
from pipeline.report.pages import template

ABOUT = f"{spread.ABOUT} {ALONE} Supervised models read labels: they show what the embeddings hold."
WORTH = (
    "How each criterion ranks all runs of all methods, and the accuracy, in percent, that its choice loses against the "
    "best run, which only labels know."
)


def compare(
    cells: Sequence[Mapping[str, Cell]],
    run_file_of: Callable[[Cell, str], Path],
    again: Callable[[Cell], str],
    study: leaderboard.Settings,
    ceilings: CeilingSettings,
    out: Path,
    costs: Path,
    progress: Callable[[str], None],
    methods: Methods,
) -> str:
    """Writes the leaderboard, once without and once with what each method cost.

    Args:
        cells: for each cell the variants of the study, by name, fitted and evaluated.
        run_file_of: where it is written down how the fit of a variant went.
        again: the command that fits and evaluates a cell's variants, for errors.
        study: of the criteria.
        ceilings: of the supervised models that stand beside.
        out: the folder for what is the same every time; what was there is replaced.
        costs: the folder for the same with seconds and memory.
        progress: takes a short text that tells how far it is.
        methods: the registry, which names them and gives their order.

    Returns:
        the leaderboard with its costs, and the worth of the criteria, in Markdown.

    Raises:
        PipelineError: if a cache, predictions or scores are missing.
    """
    boards = []
    for variants in cells:
        first = next(iter(variants.values()))
        progress(f"{first.dataset} x {first.backbone}")
        boards.append(read_board(variants, run_file_of, again(first), study, ceilings, methods))
    worth = selection_table(boards)
    for folder, with_costs in ((out, False), (costs, True)):
        shutil.rmtree(folder, ignore_errors=True)
        tables = {board.title: rows(board, with_costs) for board in boards}
        parts = [f"**{title}**\n\n{markdown_table(*table)}" for title, table in tables.items()]
        write_text(folder / "leaderboard.md", "\n".join([f"{ABOUT}\n", *parts]))
        write_text(
            folder / "leaderboard.tex", "\n".join(tabular(*table, f"{t}. {ABOUT}") for t, table in tables.items())
        )
        write_table(folder / "leaderboard.csv", *plain_rows(boards, with_costs))
        write_text(folder / "selection.md", markdown_table(*worth))
        write_text(folder / "selection.tex", tabular(*worth, WORTH))
        write_table(folder / "selection.csv", worth[0], [[cell.replace("**", "") for cell in row] for row in worth[1]])
        write_json(folder / "leaderboard.json", [plain_board(board, with_costs) for board in boards])
        page = template("leaderboard.html.j2").render(tables=tables, worth=worth, about=ABOUT)
        write_text(folder / "leaderboard.html", page)
    return "\n".join([*parts, markdown_table(*worth)])
