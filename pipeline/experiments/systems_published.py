"""What is published on the data sets of the systems, of the methods that are here and of others."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.base.csv_tables import table_text
from pipeline.experiments.systems_on_cell import Systems
from pipeline.heads.method import Methods
from pipeline.report.result_tables import latex, markdown_rows, plain
from pipeline.report.results import SCRATCH, Result, published_results

ABOUT = (
    "In percent; bold: the best of the group that reads no text. Split: fitted to / scored on. Secondary: read "
    "elsewhere than in the method's own paper. Where no leak stands none is known, and not every paper was searched."
)
HERE = "of methods that are here, too"
FROZEN = "of others, on frozen backbones"
TRAINED = "of others, trained from scratch"

Published = dict[str, dict[str, list[Result]]]
"""By data set and group; a group without any is left out."""


def published_groups(cells: Sequence[Systems], methods: Methods) -> Published:
    """The published results on the data sets of the cells."""
    here = {methods[system.method].title for found in cells for system in found.systems}

    def group(result: Result) -> str:
        return HERE if result.method in here else TRAINED if result.backbone == SCRATCH else FROZEN

    by_dataset: Published = {}
    for dataset in dict.fromkeys(found.dataset for found in cells):
        groups: dict[str, list[Result]] = {HERE: [], FROZEN: [], TRAINED: []}
        for result in published_results(dataset):
            groups[group(result)].append(result)
        by_dataset[dataset] = {name: results for name, results in groups.items() if results}
    return by_dataset


def published_files(published: Published) -> dict[str, str]:
    """The same as tables, by the name of the file."""
    groups = [(f"{dataset}, {group}", each) for dataset, found in published.items() for group, each in found.items()]
    parts = [f"**Published on {name}**\n\n{markdown_rows(each)}" for name, each in groups]
    results = [result for _, each in groups for result in each]
    head, *rows = plain(results)
    return {
        "published.md": "\n".join([f"{ABOUT}\n", *parts]),
        "published.tex": latex(results) if results else "",
        "published.csv": table_text(head, rows),
    }
