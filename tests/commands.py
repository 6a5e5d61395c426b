"""Commands of the tests: what one says when it fails, and whether one that is written down exists with its options."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import typer

from pipeline.cli import main as cli


def commands() -> Mapping[str, Any]:
    """All commands by their names."""
    group = typer.main.get_command(cli.app)
    assert isinstance(group, typer.core.TyperGroup)
    return group.commands


def check(found: Sequence[Sequence[str]]) -> None:
    """Parses each command as the command line does, without running it."""
    known = commands()
    for name, *arguments in found:
        known[name].make_context(name, arguments)
    with pytest.raises(Exception, match="No such option"):
        known["extract"].make_context("extract", ["--nothing"])


def failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Runs a command that must fail as a user's mistake, and gives its one line."""
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    line = error.strip().splitlines()[-1]
    assert "Traceback" not in error
    assert line.startswith("pipeline: ")
    return line
