from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.report.latex import escaped, tabular

HOSTILE = r"50% a_b & c \ #1 ${x}^2~ <i> a|b"


def cells_of(line: str) -> list[str]:
    """The cells of a line of a table."""
    return re.split(r"(?<!\\)&", line.removesuffix("\\\\"))


def check(text: str) -> list[list[str]]:
    """The rows of each table in a file, the head first, all of it well formed.

    Raises:
        AssertionError: if an environment or a brace is left open, a row has too few or too many cells, or a sign that
            LaTeX acts upon stands as it is.
    """
    tables = []
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") > 0
    for part in text.split("\\begin{tabular}{")[1:]:
        columns, rest = part.split("}\n", 1)
        body, after = rest.split("\\end{tabular}")
        assert set(columns) <= {"l", "r", "c"}
        lines = body.splitlines()
        assert [line for line in lines if re.fullmatch(r"\\(top|mid|bottom)rule", line)][:1] == ["\\toprule"]
        assert "\\bottomrule" in lines
        table = []
        for line in lines:
            plain = re.sub(r"\\[\\%&_#${}]", "", line)
            assert plain.count("{") == plain.count("}")
            assert plain.count("$") % 2 == 0
            assert not re.search(r"[%#]|_", plain)
            if line.endswith("\\\\") and not line.startswith("\\multicolumn"):
                table.append(cells_of(line))
                assert len(table[-1]) == len(columns), line
            elif line.startswith("\\multicolumn"):
                assert line.startswith(f"\\multicolumn{{{len(columns)}}}")
            else:
                assert re.fullmatch(r"\\(top|mid|bottom)rule", line)
        tables += table
        assert "&" not in after
    return tables


def test_a_table_is_well_formed_whatever_stands_in_it() -> None:
    text = tabular(
        ["method", "ACC mean ± std", HOSTILE], [[HOSTILE, "**69.4** ± 4.4", ""], ["✓ λ", "70.0", HOSTILE]], HOSTILE
    )
    head, first, second = check(text)
    assert head[0].strip() == "method"
    assert first[1].strip() == "\\textbf{69.4} $\\pm$ 4.4"
    assert second[0].strip() == "$\\surd$ $\\lambda$"
    assert "50\\% a\\_b \\& c \\textbackslash{} \\#1 \\$\\{x\\}\\textasciicircum{}2\\textasciitilde{}" in text
    assert text.startswith("% Needs \\usepackage{booktabs}.\n\\begin{tabular}{lrl}\n\\toprule\n")


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    rows = [["69.4 ± 4.4", "68.1 to 70.7", "3 of 10", "**1.0**", "", "x"], ["7", "", "9 of 10", "-2", "", "1"]]
    assert "\\begin{tabular}{rrlrrl}" in tabular([""] * 6, rows)


@pytest.mark.parametrize("sign", ["%", "&", "_", "#", "$", "{", "}"])
def test_a_sign_that_latex_acts_upon_is_escaped(sign: str) -> None:
    assert escaped(f"a{sign}b") == f"a\\{sign}b"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_takes_a_table(tmp_path: Path) -> None:
    table = tabular(["method", HOSTILE], [[HOSTILE, "**69.4** ± 4.4"], ["✓ λ", "1.0"]], HOSTILE)
    text = f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{table}\\end{{document}}"
    (tmp_path / "paper.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout
