from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config.paths import Cell
from tests.report.projects import make_cell, make_report


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def cell(root: Path) -> Cell:
    return make_cell(root)


@pytest.fixture(scope="module")
def page(root: Path, cell: Cell) -> str:
    return make_report(root, cell)
