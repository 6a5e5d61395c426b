"""What commands print: lines for people, and CSV tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import typer

from pipeline.base.text import shown


def say(line: str, err: bool = False) -> None:
    """A line for people in which the names of files stand, and these may hold anything."""
    typer.echo(shown(line), err=err)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV table on standard output."""
    from pipeline.base.csv_tables import write_rows

    # A file gets the names as they are, a terminal what does it no harm.
    if sys.stdout.isatty():
        rows = ([shown(value) if isinstance(value, str) else value for value in row] for row in rows)
    else:
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    write_rows(sys.stdout, columns, rows)
