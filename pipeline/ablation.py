"""ablation: the scores of every set of SCP's terms -> the table of the paper's section 4.3 (Table 4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from pipeline.files import read_json, write_text
from pipeline.names import SCORES
from pipeline.settings import TERMS

TERM_SETS = tuple(chosen for size in range(1, len(TERMS) + 1) for chosen in combinations(TERMS, size))
"""Every set of terms, the smallest first."""


def folder_name(terms: Sequence[str]) -> str:
    """The folder of a set of terms, such as ``consistency+balance``."""
    return "+".join(terms)


def write_ablation(cells: Sequence[Path], out: Path) -> str:
    """Gathers the scores of all sets of terms of each cell into a Markdown table.

    Args:
        cells: folders <data set>/<backbone>, each with one folder a set of terms that holds its scores.
        out: the Markdown file to write.

    Returns:
        the table, test split, in percent.
    """
    marks = " | ".join(TERMS)
    table = [
        f"| data set | backbone | {marks} | clusters used | ACC mean ± std | ACC kept | NMI kept | ARI kept |",
        "| --- | --- | " + "--- | " * len(TERMS) + "--- | --- | --- | --- | --- |",
    ]
    for cell in cells:
        for terms in TERM_SETS:
            scores = read_json(cell / folder_name(terms) / "evaluation" / SCORES, "pipeline ablation")["scp"]
            used = " | ".join("✓" if term in terms else "" for term in TERMS)
            test = scores.get("test")
            values = "no labels |  |  | "
            if test:
                acc, nmi, ari = test["acc"], test["nmi"], test["ari"]
                values = (
                    f"{100 * acc['mean']:.1f} ± {100 * acc['std']:.1f} | {100 * acc['kept']:.1f} | "
                    f"{100 * nmi['kept']:.1f} | {100 * ari['kept']:.1f}"
                )
            table.append(f"| {cell.parent.name} | {cell.name} | {used} | {scores['clusters_used']} | {values} |")
    text = "\n".join(table) + "\n"
    write_text(out, text)
    return text
