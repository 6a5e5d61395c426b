"""What commands print: lines for people, and CSV tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import typer

from pipeline.base.text import shown


def say(line: str, err: bool = False) -> None:
    """A line for people in which the names of files stand, and these may hold anything."""
    typer.echo(shown(line), err=err)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV table on standard output."""
    import csv

    # A file name may hold bytes that no terminal takes.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(columns)
    # A file gets the names as they are, a terminal what does it no harm.
    to_people = sys.stdout.isatty()
    table.writerows([shown(str(value)) if to_people else value for value in row] for row in rows)
