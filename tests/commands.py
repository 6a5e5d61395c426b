"""Whether a command that is written down somewhere exists with its options."""

from __future__ import annotations

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
