r"""Tables in LaTeX (booktabs): to be read into a paper by ``\input``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NEEDS = "% Needs \\usepackage{booktabs}."
SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "λ": r"$\lambda$",
    "✓": r"$\surd$",
}
STRONG = re.compile(r"\*\*(.+?)\*\*")
NUMBER = re.compile(r"[-+]?\d[\d., ]*( ± [\d.]+| to [-\d.]+)?%?")


def escaped(text: str) -> str:
    """Text that LaTeX shows as it is, on one line."""
    return "".join(SIGNS.get(sign, f"\\{sign}" if sign in "%&_#${}" else sign) for sign in " ".join(text.split()))


def tabular(columns: Sequence[object], rows: Iterable[Sequence[object]], note: str = "") -> str:
    r"""A ``tabular`` of the same columns and rows as a table in Markdown; numbers stand to the right.

    Args:
        columns: the head.
        rows: as many cells each; what Markdown has between ``**`` is bold.
        note: stands below, over the whole width.
    """
    body = [[str(cell) for cell in row] for row in rows]
    right = [all(_is_number(row[at]) for row in body) for at in range(len(columns))]
    lines = [
        NEEDS,
        f"\\begin{{tabular}}{{{''.join('r' if each else 'l' for each in right)}}}",
        "\\toprule",
        _line(map(str, columns)),
        "\\midrule",
        *map(_line, body),
        "\\bottomrule",
    ]
    if note:
        lines.append(below(note, len(columns)))
    return "\n".join([*lines, "\\end{tabular}", ""])


def below(note: str, width: int) -> str:
    """A note as the last line of a table of so many columns."""
    return f"\\multicolumn{{{width}}}{{p{{0.95\\linewidth}}}}{{\\footnotesize {escaped(note)}}} \\\\"


def _line(cells: Iterable[str]) -> str:
    return " & ".join(map(_cell, cells)) + " \\\\"


def _cell(text: str) -> str:
    parts = STRONG.split(text)  # Every second one stood between the signs.
    return "".join(f"\\textbf{{{escaped(part)}}}" if at % 2 else _spaced(part) for at, part in enumerate(parts))


def _spaced(text: str) -> str:
    """Escaped, with the spaces at its ends, which stand between it and what is bold."""
    inner = escaped(text)
    return f"{' ' if text[:1] == ' ' and inner else ''}{inner}{' ' if text[-1:] == ' ' and inner else ''}"


def _is_number(text: str) -> bool:
    plain = text.replace("**", "").strip()
    return not plain or NUMBER.fullmatch(plain) is not None
