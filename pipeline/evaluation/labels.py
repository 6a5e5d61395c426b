"""Reads the labels of a data set."""

from __future__ import annotations

from pathlib import Path

from pipeline.base.csv_tables import read_table
from pipeline.config.names import LABEL_COLUMNS


def read_labels(path: Path) -> dict[str, str]:
    """The label of each picture by its id; none where a data set has no labels.

    Raises:
        PipelineError: if the table is missing or damaged.
    """
    return {row["id"]: row["label"] for row in read_table(path, LABEL_COLUMNS, "pipeline prepare")}
