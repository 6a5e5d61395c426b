"""Methods side by side, class by class: how much of each class lies in the cluster that is matched to it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.base.csv_tables import read_table, table_text
from pipeline.base.text import markdown_table
from pipeline.config.names import CONFUSION, TEST, TRAIN
from pipeline.config.paths import Cell
from pipeline.report.cells import CONFUSION_COLUMNS, evaluate_command
from pipeline.report.latex import tabular

ABOUT = (
    "ACC in percent of each class: the share of its images that lie in the cluster matched to it, of the kept run, on "
    "the test split, or else the train split. The matching is the best one to one of all clusters and classes, made "
    "with labels as ACC is."
)
EVERY = "all"
"""The row of all classes together, which is ACC itself."""

Column = tuple[str, str, str, Cell]
"""A method's title, its name, its study, and where its scores are."""


def class_table(name: str, cells: Sequence[Sequence[Column]]) -> dict[str, str]:
    """A row for each class of each cell, and a column for each method, in Markdown, LaTeX and CSV.

    A class that no cluster is matched to has 0. Cells without labels have no rows.

    Args:
        name: of the files.
        cells: the methods on each cell, evaluated; the first cell has all of them.

    Raises:
        PipelineError: if the scores of a method are missing.
    """
    head: list[object] = ["data set", "backbone", "class", "images"]
    head += [title for title, *_ in cells[0]] if cells else []
    rows, plain_rows = [], []
    for columns in cells:
        counts = [_counts(*column[1:]) for column in columns]
        place = columns[0][-1]
        for label, (_, images) in counts[0].items():
            values = [100 * each[label][0] / images for each in counts]
            known: list[object] = [place.dataset, place.backbone, label, images]
            rows.append([*known, *(f"{value:.1f}" for value in values)])
            plain_rows.append([*known, *(round(value, 4) for value in values)])
    return {
        f"{name}.md": f"{ABOUT}\n\n{markdown_table(head, rows)}",
        f"{name}.tex": tabular(head, rows, ABOUT),
        f"{name}.csv": table_text(head, plain_rows),
    }


def _counts(method: str, study: str, cell: Cell) -> dict[str, tuple[int, int]]:
    """Of each class the images in the cluster matched to it, and all; the last is `EVERY`. Empty without labels."""
    path = cell.evaluation / method / CONFUSION
    if not path.is_file():
        return {}
    found = read_table(path, CONFUSION_COLUMNS, evaluate_command(cell, None, study))
    split = TEST if any(row["split"] == TEST for row in found) else TRAIN
    counts: dict[str, tuple[int, int]] = {}
    for row in (row for row in found if row["split"] == split):
        right, images = counts.get(row["label"], (0, 0))
        added = int(row["images"])
        counts[row["label"]] = right + added * (row["matched"] == row["label"]), images + added
    right, images = (sum(each) for each in zip(*counts.values(), strict=True))
    return {**dict(sorted(counts.items())), EVERY: (right, images)}
