from __future__ import annotations

import re
from dataclasses import replace

from pipeline.methods import METHODS
from pipeline.report.result_tables import html, latex, markdown, plain
from pipeline.report.results import (
    METRICS,
    best,
    own_results,
    published_results,
)
from tests.report.test_results import result, scores

HOSTILE = r"50% a_b & c \ #1 ${x}^2~ | *bold* <img>"


def test_the_best_without_text_is_bold_ties_too() -> None:
    rows = [result(90.04), result(90.01, method="Y"), result(99.0, text=True, method="T"), result(None, method="N")]
    assert best(rows) == {("stl10", metric): "90.0" for metric in METRICS}
    lines = markdown(rows).splitlines()[4:]
    assert [line.count("**90.0**") for line in lines] == [3, 3, 0, 0]
    assert "T (uses text)" in lines[2]
    assert lines[3].count("| - ") == 3
    assert latex(rows).count("\\textbf{90.0}") == 6
    # At the row, and in the note below the table; without such a row there is no note on it.
    assert latex(rows).count("$^\\dagger$") == 2
    assert "$^\\dagger$~Reads text" in latex(rows)
    assert "dagger" not in latex(rows[:1])
    page = html(rows, "about")
    assert page.count("<b>90.0</b>") == 6
    assert page.count("uses text") == 1


def test_known_leaks_and_second_hand_figures_are_marked_in_every_form() -> None:
    (row,) = (row for row in published_results("stl10") if row.method == "SIC")
    leaks = "epoch chosen on test labels; values tuned by data set"
    source = "arXiv 2502.04226 table 2 (secondary)"
    assert f"| {leaks} | {source} |" in markdown([row])
    assert f"leaks: {leaks}; {source}" in latex([row])
    assert [leaks, source] == plain([row])[1][6:8]
    page = html([row], "about")
    assert f'<td class="text">{leaks}</td>' in page
    assert f'<td class="text">{source}</td>' in page
    for text in (markdown([result(1.0)]), latex([result(1.0)])):
        assert "leaks:" not in text
        assert "secondary" not in text


def test_deviations_stand_beside_means_alone() -> None:
    text = markdown(own_results("stl10", "b", {"scp": scores(0.7)}, METHODS))
    assert text.count(" ± ") == 3 + 1  # three metrics, and the name of the protocol
    assert "65.0 ± 2.0" in text
    assert "65.0 $\\pm$ 2.0" in latex(own_results("stl10", "b", {"scp": scores(0.7)}, METHODS))


def test_markdown_keeps_its_columns() -> None:
    rows = [result(50.0, "a|b", method=HOSTILE), result(60.0, "stl10", backbone=HOSTILE)]
    tables = markdown(rows).split("\n\n")
    assert len(tables) == 4
    for line in markdown(rows).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 10
    assert "<img" not in markdown(rows).replace("\\<img", "")


def test_the_page_is_one_file_that_names_cannot_break() -> None:
    rows = [result(50.0, "a|b", method=HOSTILE), *own_results("a|b", HOSTILE, {"scp": scores(0.7)}, METHODS)]
    rows += published_results("cifar10")
    page = html(rows, "about <this>")
    assert "<img" not in page
    assert page.count("&lt;img&gt;") >= 1 + 3  # a method, and our three rows' backbone
    assert "about &lt;this&gt;" in page
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|src=", page)
    assert "prefers-color-scheme: dark" in page
    for tag in ("table", "tr", "td", "th", "article", "main", "style"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag
    body = page[page.index("<main") :]
    assert body.index("a|b") < body.index("cifar10")
    assert "There are no published results for" not in body
    assert "There are no published results for pets" in html([replace(result(1.0, "pets"), source="")], "")


def test_latex_is_well_formed() -> None:
    rows = [result(50.0, "a_b"), result(60.0, "stl10", method=HOSTILE), *published_results("cifar10")]
    rows += own_results("cifar10", "clip-vitb32+dino-vitb8", {"scp": scores(0.7)}, METHODS)
    text = latex(rows)
    plain = re.sub(r"\\[\\%&_#${}]", "", text)
    assert plain.count("{") == plain.count("}")
    body = text[text.index("\\midrule") : text.index("\\bottomrule")]
    lines = [line for line in body.splitlines() if line.endswith("\\\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {3 + 3 * 3}
    # A method with the same backbone and protocol on several data sets is one row.
    both = latex([result(50.0, "a"), result(60.0, "b")])
    assert sum(line.startswith("X & b & train / test & p") for line in both.splitlines()) == 1
    assert "\\begin{tabular}{llllrrrrrr}" in both
    # Ours stand apart, after the published ones.
    assert text.rindex("\\midrule") < text.index("SCP, ours")
