"""Every system as tables, for people, and as plain data, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.experiments.systems_on_cell import System, Systems
from pipeline.report.results import METRICS, Result
from pipeline.report.spread import ABOUT as RUNS
from pipeline.report.spread import Spread

ABOUT = (
    f"{RUNS} Bold: the best mean of all that read no text. Objective alone: the method is published with a backbone of "
    "its own training, which is left out here. Published figures stand beside, of all backbones on the same data set, "
    "with what is known to have leaked into them; secondary: read elsewhere than in the method's own paper."
)
COST = "seconds a run"
TEXTS = ("published with", "known leaks")
"""The columns of running text."""


def rows(found: Systems, with_costs: bool) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows of a cell's table."""
    columns = ["method", "uses text", "objective alone", "runs", "clusters used", *Spread.columns("ACC")]
    columns += ["NMI kept", "ARI kept", *([COST] if with_costs else [])]
    columns += ["published ACC", *TEXTS]
    split = found.split
    means = [system.spread(split, "acc").mean for system in found.systems if not system.text] if split else []
    table = []
    for system in found.systems:
        row = [system.title, system.text, "yes" if system.alone else "", str(system.runs)]
        row += [str(system.scores["clusters_used"])]
        if split is None:
            row += ["no labels", *[""] * (len(Spread.columns("")) + 1)]
        else:
            spread = {metric: system.spread(split, metric) for metric in METRICS}
            mean, *others = spread["acc"].cells()
            if not system.text and spread["acc"].mean == max(means):
                first, sign, std = mean.partition(" ± ")
                mean = f"**{first}**{sign}{std}"
            row += [mean, *others, f"{spread['nmi'].kept:.1f}", f"{spread['ari'].kept:.1f}"]
        if with_costs:
            row += ["" if system.seconds is None else f"{system.seconds:.1f}"]
        row += ["; ".join(map(_acc, system.published))]
        row += ["; ".join(f"{each.backbone}, {each.protocol}, {each.cited}" for each in system.published)]
        leaks = "; ".join(dict.fromkeys(leak for each in system.published for leak in each.leaks))
        table.append([*row, leaks or (NONE_KNOWN if system.published else "")])
    return columns, table


NONE_KNOWN = "none noted"
"""Of published figures: nobody has looked through all papers. Where nothing is published, nothing stands."""


def _acc(result: Result) -> str:
    score = result.scores["acc"]
    return "-" if score is None else f"{score.value:.1f}"


BETWEEN = " | "
"""Between the published figures of a method, in the table for programs."""


def plain_rows(cells: Sequence[Systems], with_costs: bool) -> tuple[list[str], list[list[object]]]:
    """All cells as one table for programs, a number a column; what is published stands in the same order in each."""
    columns = ["data set", "backbone", "split", "method", "uses text", "objective alone", "runs", "clusters used"]
    columns += [name for metric in METRICS for name in Spread.plain_columns(metric.upper())]
    columns += [COST] if with_costs else []
    columns += [f"published {name}" for name in ("ACC", "backbone", "protocol", "leaks", "cited", "source")]
    table: list[list[object]] = []
    for found in cells:
        for system in found.systems:
            row: list[object] = [found.dataset, found.backbone, found.split or "", system.title, system.text]
            row += ["yes" if system.alone else "no", system.runs, system.scores["clusters_used"]]
            for metric in METRICS:
                split = found.split
                row += system.spread(split, metric).plain() if split else [""] * len(Spread.plain_columns(""))
            if with_costs:
                row.append("" if system.seconds is None else round(system.seconds, 3))
            each = [plain_published(result) for result in system.published]
            row += [BETWEEN.join(_one(result[key]) for result in each) for key in PUBLISHED]
            table.append(row)
    return columns, table


PUBLISHED = ("acc", "backbone", "protocol", "leaks", "cited", "source")
"""What is told of a published figure."""


def _one(value: object) -> str:
    return "; ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def plain_published(result: Result) -> dict[str, Any]:
    """A published figure as plain data, its keys those of `PUBLISHED`."""
    score = result.scores["acc"]
    cited = "secondary" if result.secondary else "primary"
    values = (score and score.value, result.backbone, result.protocol, list(result.leaks), cited, result.source)
    return dict(zip(PUBLISHED, values, strict=True))


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
