"""Tables of results, ours beside the published ones, in Markdown, HTML, LaTeX and as plain rows."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.report.latex import NEEDS, escaped
from pipeline.report.pages import template
from pipeline.report.results import METRICS, Result, best

BRACKETS = "In brackets: Student's t interval of the mean over the runs, 95 %."


def markdown(results: Sequence[Result]) -> str:
    """A Markdown table for each data set; the best values without text are bold."""
    by_dataset: dict[str, list[Result]] = {}
    for result in results:
        by_dataset.setdefault(result.dataset, []).append(result)
    return "\n".join(f"**{_plain(dataset)}**\n\n{markdown_rows(each)}" for dataset, each in by_dataset.items())


def markdown_rows(results: Sequence[Result]) -> str:
    """The table of a data set."""
    top = best(results)
    lines = [
        "| method | backbone | ACC | NMI | ARI | split | protocol | known leaks | source |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        title = _plain(result.title) + (" (uses text)" if result.text else "")
        cells = [title, _plain(result.backbone)]
        cells += [_cell(result, metric, top, "-", " ± ", "**{}**") for metric in METRICS]
        cells += [result.split, _plain(result.protocol)]
        cells += ["; ".join(result.leaks), _plain(result.cited) or "this project"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def html(results: Sequence[Result], about: str) -> str:
    """A page in one file, light or dark as the reader's system is: a table for each data set, as in Markdown."""
    tables: dict[str, list[Result]] = {}
    for result in results:
        tables.setdefault(result.dataset, []).append(result)
    return template("comparison.html.j2").render(tables=tables, about=about, top=best(results))


def latex(results: Sequence[Result]) -> str:
    r"""A LaTeX table (booktabs) with the data sets side by side, as the paper's Table 2; a dagger marks text."""
    top = best(results)
    datasets = list(dict.fromkeys(result.dataset for result in results))
    rows: dict[tuple[str, bool, str, str, str, str, str], dict[str, Result]] = {}
    for result in results:
        leaks = "; ".join(result.leaks)
        key = (result.title, result.text, result.backbone, result.split, result.protocol, leaks, result.cited)
        rows.setdefault(key, {})[result.dataset] = result
    lines = [
        NEEDS,
        f"\\begin{{tabular}}{{llll{'rrr' * len(datasets)}}}",
        "\\toprule",
        " & ".join([" & & & ", *(f"\\multicolumn{{3}}{{c}}{{{escaped(name)}}}" for name in datasets)]) + " \\\\",
        "".join(f"\\cmidrule(lr){{{5 + 3 * i}-{7 + 3 * i}}}" for i in range(len(datasets))),
        "Method & Backbone & Split & Protocol" + " & ACC & NMI & ARI" * len(datasets) + " \\\\",
        "\\midrule",
    ]
    before = None
    for (title, text, backbone, split, protocol, leaks, source), by_dataset in rows.items():
        if before is not None and before != bool(source):
            lines.append("\\midrule")
        before = bool(source)
        cells = [escaped(title) + ("$^\\dagger$" if text else ""), escaped(backbone), escaped(split)]
        cells.append(escaped("; ".join(each for each in (protocol, leaks and f"leaks: {leaks}", source) if each)))
        for dataset in datasets:
            found = by_dataset.get(dataset)
            cells += [
                _cell(found, metric, top, "--", " $\\pm$ ", "\\textbf{{{}}}") if found else "--" for metric in METRICS
            ]
        lines.append(" & ".join(cells) + " \\\\")
    note = "In percent. Bold: the best of all that read no text."
    if any(score and score.margin is not None for result in results for score in result.scores.values()):
        note += f" {escaped(BRACKETS)}"
    if any(result.text for result in results):
        note += " $^\\dagger$~Reads text, such as the names of the classes."
    lines += [
        "\\bottomrule",
        f"\\multicolumn{{{4 + 3 * len(datasets)}}}{{p{{0.95\\linewidth}}}}{{\\footnotesize {note}}} \\\\",
    ]
    return "\n".join([*lines, "\\end{tabular}", ""])


PLAIN = ["data set", "method", "uses text", "backbone", "split", "protocol", "known leaks", "source"]


def plain(results: Sequence[Result]) -> list[list[object]]:
    """The results as rows of a table for programs, the head first; nothing where a source does not tell."""
    columns = [f"{metric} {name}".strip() for metric in METRICS for name in ("", "std", "low", "high")]
    rows: list[list[object]] = [[*PLAIN, *columns]]
    for result in results:
        row: list[object] = [result.dataset, result.title, "yes" if result.text else "no"]
        row += [result.backbone, result.split, result.protocol, "; ".join(result.leaks), result.cited or "this project"]
        for metric in METRICS:
            score = result.scores[metric]
            values = (None,) * 4 if score is None else (score.value, score.std, score.low, score.high)
            row += ["" if value is None else round(value, 4) for value in values]
        rows.append(row)
    return rows


def _cell(result: Result, metric: str, top: dict[tuple[str, str], str], nothing: str, spread: str, strong: str) -> str:
    """A value as text, with its deviation and the interval of the mean, strong where it is the best."""
    score = result.scores[metric]
    if score is None:
        return nothing
    text = f"{score.value:.1f}"
    if not result.text and text == top.get((result.dataset, metric)):
        text = strong.format(text)
    if score.std is not None:
        text += f"{spread}{score.std:.1f}"
    return text if score.margin is None else f"{text} [{score.low:.1f}, {score.high:.1f}]"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line of a table."""
    return "".join(f"\\{sign}" if sign in "\\|*_`<[" else sign for sign in " ".join(text.split()))
