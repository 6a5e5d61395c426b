"""The command line as a tired user meets it: one line, exit code 2, nothing lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import main as cli
from tests.commands import commands, failure
from tests.conftest import DATASET

Project = Callable[..., Path]


@pytest.mark.parametrize("command", ["prepare", "extract", "fit", "evaluate", "metrics"])
def test_every_command_explains_its_options(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    assert "--dataset" in result.output
    assert ("--backbone" in result.output) == (command != "prepare")


def test_the_help_lists_the_commands_in_groups() -> None:
    result = CliRunner().invoke(cli.app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    expected = []
    for group, members in cli.GROUPS.items():
        expected += [group, *(member.__name__.replace("_", "-") for member in members)]
    assert sorted(set(expected) - set(cli.GROUPS)) == sorted(commands())
    lines = [line.strip().partition("  ")[0].removesuffix(":") for line in result.output.splitlines()]
    assert [line for line in lines if line in expected] == expected


def test_a_disk_that_is_read_only(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An injected error: permissions do not stop the superuser, who may well run the tests.
    project()

    def read_only(path: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", read_only)
    line = failure(capsys, monkeypatch, "prepare")
    assert line == (
        f"pipeline: data/images/{DATASET}: Read-only file system; "
        "check the path, its permissions and the space on its disk"
    )


def test_a_full_disk_is_named_by_the_file_that_did_not_fit(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against an error without a path: a write that fails says the reason alone."""
    project()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = failure(capsys, monkeypatch, "prepare")
    assert line.startswith(f"pipeline: data/images/{DATASET}/")
    assert line.endswith(": No space left on device; check the path, its permissions and the space on its disk")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_says_how_to_go_on(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    project()

    def interrupted(*_: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("pipeline.images.prepare.prepare", interrupted)
    monkeypatch.setattr(sys, "argv", ["pipeline", "prepare"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == code
    assert "data sets that are done are kept, the one in work begins anew" in capsys.readouterr().err
