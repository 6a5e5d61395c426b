"""The CSV tables that stages hand on: UTF-8, one header line, the same rows give the same bytes.

CSV, not Parquet: every tool and every person can read it, its bytes do not depend on a library's version, and a table
of a million images is read in a second or two.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_bytes


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table, whole or not at all; a number is written as Python prints it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    write_bytes(path, text.getvalue().encode("utf-8", "surrogateescape"))


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
                yield dict(zip(header, row, strict=True))
    except FileNotFoundError:
        raise PipelineError(f"{path}: not there yet; run '{again}'") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise PipelineError(f"{path}: not a CSV table ({error}); run '{again}'") from None
