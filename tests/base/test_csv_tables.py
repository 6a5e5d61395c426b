"""CSV tables: whatever a file may be called comes back, and no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from pipeline.base.csv_tables import FORMULA, read_table, write_rows, write_table
from pipeline.cli.output import print_table
from tests.names import NAMES, random_name

COLUMNS = ("path", "cluster", "reason")
CHANCE = random.Random(0)
MANY = [*NAMES, *(random_name(CHANCE) for _ in range(2000))]


def test_every_name_comes_back(tmp_path: Path) -> None:
    rows = [(name, number, name) for number, name in enumerate(MANY)]
    write_table(tmp_path / "table.csv", COLUMNS, rows)
    found = read_table(tmp_path / "table.csv", COLUMNS, "again")
    assert [(row["path"], int(row["cluster"]), row["reason"]) for row in found] == rows


def test_no_cell_begins_as_a_formula() -> None:
    text = io.StringIO()
    write_rows(text, COLUMNS, [(name, -1, name) for name in MANY if not name.startswith("'")])
    for path, number, _ in list(csv.reader(io.StringIO(text.getvalue(), newline="")))[1:]:
        assert path.startswith("'") or not FORMULA.match(path)
        assert number == "-1"


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-2", "'-2"),
        ("@x", "'@x"),
        (" =1+1", "' =1+1"),
        ("\uff1d1", "'\uff1d1"),
        ("\tx", '"\'\tx"'),
        ("\rx", '"\'\rx"'),
        ("'=x", "''=x"),
        ("'t is a cat.png", "'t is a cat.png"),
        ("a-b=c.png", "a-b=c.png"),
        ("a;=cmd()", '"a;=cmd()"'),
        ("a\rb", '"a\rb"'),
    ],
)
def test_an_apostrophe_stands_before_what_a_spreadsheet_would_run_and_nothing_else(name: str, cell: str) -> None:
    text = io.StringIO()
    write_rows(text, ("path",), [(name,)])
    assert text.getvalue() == f"path\n{cell}\n"


def test_numbers_stay_numbers() -> None:
    text = io.StringIO()
    write_rows(text, ("method", "loss", "term"), [("scp", -0.5, "-1.25e-05"), ("scp", -1, "-1+cmd()")])
    assert text.getvalue() == "method,loss,term\nscp,-0.5,-1.25e-05\nscp,-1,'-1+cmd()\n"


def test_a_table_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("path\n't is.png\n=x.png\n")
    assert [row["path"] for row in read_table(tmp_path / "table.csv", ("path",), "")] == ["'t is.png", "=x.png"]


def test_a_table_that_goes_into_a_file_holds_the_names_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out.csv").open("w", encoding="ascii") as file, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", file)
        print_table(COLUMNS, [(name, 0, "") for name in MANY])
    assert [row["path"] for row in read_table(tmp_path / "out.csv", COLUMNS, "")] == MANY
