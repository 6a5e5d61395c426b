"""The CSV tables that stages hand on: UTF-8, one header line, the same rows give the same bytes.

CSV, not Parquet: every tool and every person can read it, its bytes do not depend on a library's version, and a table
of a million images is read in a second or two.

People open any of them in a spreadsheet, which runs a cell as a formula that begins like one. So in every table, the
caches' too, such a text gets an apostrophe in front, which `read_rows` takes away (OWASP, CSV Injection):
``=cmd()`` is written ``'=cmd()``, and ``'=cmd()`` is written ``''=cmd()``. No other text changes.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_bytes

FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[-=+@\uff1d\uff0b\uff0d\uff20])")
"""How a text begins that a spreadsheet runs, or that would read back as one which it runs."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|-inf", re.ASCII | re.IGNORECASE)
NAMES = frozenset(("path", "id", "now", "before", "link", "name"))
"""Columns of names, which stay texts where they look like a number."""
QUOTED = ";\t\r\n"
"""What splits lines and cells somewhere, beside the comma: the library quotes a text with a sign of its line's end."""


class Target(Protocol):
    """What text is written to."""

    def write(self, text: str, /) -> object:
        """Takes a text."""


class _Lines:
    """Takes the library's lines, and gives each the one end that it is to have."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def write(self, line: str) -> None:
        self.target.write(f"{line.removesuffix(QUOTED)}\n")


def write_rows(target: Target, columns: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table as text; a number is written as Python prints it."""
    table = csv.writer(_Lines(target), lineterminator=QUOTED)
    table.writerow(columns)
    names = [column in NAMES for column in columns]
    table.writerows([_cell(value, name) for value, name in zip(row, names, strict=True)] for row in rows)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table, whole or not at all; see `write_rows`."""
    write_bytes(path, table_text(columns, rows).encode("utf-8", "surrogateescape"))


def table_text(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table as `write_table` writes it."""
    text = io.StringIO()
    write_rows(text, columns, rows)
    return text.getvalue()


def _cell(value: object, is_name: bool) -> object:
    """A value as a cell that no spreadsheet runs."""
    if not isinstance(value, str | os.PathLike):
        return value
    text = str(value)
    runs = FORMULA.match(text) is not None and (is_name or NUMBER.fullmatch(text) is None)
    return f"'{text}" if runs else text


def _text(cell: str) -> str:
    """The text that `_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def read_table(path: Path, columns: Sequence[str], again: str) -> list[dict[str, str]]:
    """Reads a table, one dict a row; see `read_rows`."""
    return list(read_rows(path, columns, again))


def read_rows(path: Path, columns: Sequence[str], again: str) -> Iterator[dict[str, str]]:
    """Reads a table row by row, so that a long one need not be in memory as dicts.

    Args:
        path: the table.
        columns: the columns that it must begin with; more may follow.
        again: what the user runs to make the table anew, for the error.

    Raises:
        PipelineError: if the table is missing, begins with other columns, or has a row of another length.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.reader(file)
            header = next(table, [])
            if header[: len(columns)] != list(columns):
                raise PipelineError(
                    f"{path}: expected the columns {','.join(columns)}, found "
                    f"{','.join(header) or 'an empty file'}; run '{again}'"
                )
            for row in table:
                if len(row) != len(header):
                    raise PipelineError(
                        f"{path}: line {table.line_num}: expected {len(header)} values, found {len(row)}; run '{again}'"
                    )
                yield dict(zip(header, map(_text, row), strict=True))
    except FileNotFoundError:
        raise PipelineError(f"{path}: not there yet; run '{again}'") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise PipelineError(f"{path}: not a CSV table ({error}); run '{again}'") from None
