"""The commands about this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import main as cli
from tests.conftest import BACKBONE


def test_the_doctor_works_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert f"weights of {BACKBONE}" in result.output
    # There are no data sets and no caches to be.
    assert "files of" not in result.output
    assert "run:" not in result.output
