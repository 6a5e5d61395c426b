"""Whether a command that is written down somewhere exists with its options."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import typer

from pipeline import cli


def check(found: Sequence[Sequence[str]]) -> None:
    """Parses the arguments of each `pipeline …`, if there are any, as the command line does, without running it."""
    group = typer.main.get_command(cli.app)
    assert isinstance(group, typer.core.TyperGroup)
    for name, *arguments in found:
        command = group.commands[name]
        if arguments:
            command.make_context(name, arguments)
    with pytest.raises(Exception, match="No such option"):
        group.commands["extract"].make_context("extract", ["--nothing"])
