"""Every system as tables, for people, and as plain data, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.experiments.systems_on_cell import System, Systems
from pipeline.heads.method import ALONE
from pipeline.report.results import METRICS, Result
from pipeline.report.spread import ABOUT as RUNS
from pipeline.report.spread import Spread

ABOUT = (
    f"{RUNS} Bold: the best mean of all that read no text. {ALONE} Published ACC: of all "
    "backbones on the same data set; an asterisk where something is known to have leaked into it, which the table of "
    "published results tells."
)
COST = "seconds a run"
TEXTS = ("published ACC",)
"""The columns of running text."""


def rows(found: Systems, with_costs: bool) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows of a cell's table."""
    columns = ["method", "objective alone", "runs", "clusters used", *Spread.columns("ACC"), *TEXTS]
    columns += ["NMI kept", "ARI kept", *([COST] if with_costs else [])]
    split = found.split
    means = [system.spread(split, "acc").mean for system in found.systems if not system.text] if split else []
    table = []
    for system in found.systems:
        row = [system.marked, "yes" if system.alone else "", str(system.runs), str(system.scores["clusters_used"])]
        published = "; ".join(map(_acc, system.published))
        if split is None:
            row += ["no labels", *[""] * (len(Spread.columns("")) - 1), published, "", ""]
        else:
            spread = {metric: system.spread(split, metric) for metric in METRICS}
            mean, *others = spread["acc"].cells()
            if not system.text and spread["acc"].mean == max(means):
                first, sign, std = mean.partition(" ± ")
                mean = f"**{first}**{sign}{std}"
            row += [mean, *others, published, f"{spread['nmi'].kept:.1f}", f"{spread['ari'].kept:.1f}"]
        if with_costs:
            row += ["" if system.seconds is None else f"{system.seconds:.1f}"]
        table.append(row)
    return columns, table


def _acc(result: Result) -> str:
    score = result.scores["acc"]
    return f"{'-' if score is None else f'{score.value:.1f}'}{'*' * bool(result.leaks)} ({result.backbone})"


def plain_rows(cells: Sequence[Systems], with_costs: bool) -> tuple[list[str], list[list[object]]]:
    """All cells as one table for programs, a number a column."""
    columns = ["data set", "backbone", "split", "method", "published as", "uses text", "objective alone", "runs"]
    columns.append("clusters used")
    columns += [name for metric in METRICS for name in Spread.plain_columns(metric.upper())]
    columns += [COST] if with_costs else []
    table: list[list[object]] = []
    for found in cells:
        for system in found.systems:
            row: list[object] = [found.dataset, found.backbone, found.split or "", system.title]
            row += [system.published_as, system.text]
            row += ["yes" if system.alone else "no", system.runs, system.scores["clusters_used"]]
            for metric in METRICS:
                split = found.split
                row += system.spread(split, metric).plain() if split else [""] * len(Spread.plain_columns(""))
            if with_costs:
                row.append("" if system.seconds is None else round(system.seconds, 3))
            table.append(row)
    return columns, table


def plain_published(result: Result) -> dict[str, Any]:
    """A published result as plain data."""
    scores = {metric: score and score.value for metric, score in result.scores.items()}
    cited = "secondary" if result.secondary else "primary"
    about = {"split": result.split, "protocol": result.protocol, "leaks": list(result.leaks)}
    return {**scores, "backbone": result.backbone, **about, "cited": cited, "source": result.source}


def plain_systems(found: Systems, with_costs: bool) -> dict[str, Any]:
    """A cell's systems as plain data."""

    def plain(system: System) -> Iterator[tuple[str, Any]]:
        yield from (("title", system.title), ("method", system.method), ("text", system.text))
        yield from (("objective_alone", system.alone), ("scores", system.scores))
        if with_costs:
            yield "seconds_a_run", system.seconds
        yield "published", [plain_published(result) for result in system.published]

    systems = [dict(plain(system)) for system in found.systems]
    return {"dataset": found.dataset, "backbone": found.backbone, "split": found.split, "systems": systems}
