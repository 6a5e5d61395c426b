"""Results as they stand beside the published ones: one `Result` a method, backbone and protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.csv_tables import read_table
from pipeline.config.names import CLASS_NAMES, TEST, TRAIN
from pipeline.heads.method import Methods
from pipeline.report.spread import ends, margin

PUBLISHED = Path(__file__).with_name("assets") / "published-results.csv"
PUBLISHED_COLUMNS = (
    *("method", "text_free", "backbone", "dataset", "acc", "nmi", "ari"),
    *("split", "protocol", "leaks", "cited", "source"),
)
LEAKS = {
    "epoch": "epoch chosen on test labels",
    "best": "best run chosen on test labels",
    "features": "chosen on evaluation features",
    "transductive": "scored on images it was fitted to",
    "tuned": "values tuned by data set",
}
"""What a published figure has seen that a figure of ours has not, as far as it is known; the words of the table."""
SECONDARY = "secondary"
"""How a figure is cited that was not taken from the method's own authors, or not compared with their paper."""
SCRATCH = "none: from scratch"
"""The backbone of a method that trains one of its own."""
NOT_TOLD = "not told"
"""Where a split or a protocol is not known."""
METRICS = ("acc", "nmi", "ari")

Scores = dict[str, "Score | None"]


@dataclass(frozen=True)
class Score:
    """A metric in percent; of several runs their mean and deviation."""

    value: float
    std: float | None = None
    margin: float | None = None
    """Half the interval of the mean; see `pipeline.report.spread.margin`."""

    @property
    def low(self) -> float | None:
        """Where the interval begins."""
        found = ends(self.value, self.margin)
        return None if found is None else found[0]

    @property
    def high(self) -> float | None:
        """Where it ends."""
        found = ends(self.value, self.margin)
        return None if found is None else found[1]


@dataclass(frozen=True)
class Result:
    """How a method did on a data set."""

    method: str
    text: bool
    """Whether it reads text, such as the names of the classes."""
    backbone: str
    dataset: str
    scores: Scores
    """By metric; None where the source does not tell."""
    split: str
    """What it was fitted to and what it is scored on, such as ``train / test``."""
    protocol: str
    """Which run, or runs, the scores are of."""
    source: str
    """Where they are published; empty for ours."""
    leaks: tuple[str, ...] = ()
    """See `LEAKS`, whose values these are."""
    secondary: bool = False
    """Whether another than the source was read."""

    @property
    def cited(self) -> str:
        """The source, marked where another was read; empty for ours."""
        return f"{self.source} (secondary)" if self.secondary else self.source

    @property
    def title(self) -> str:
        """The method's name, marked where it is ours."""
        return self.method if self.source else f"{self.method}, ours"


def published_results(dataset: str) -> list[Result]:
    """The published results on a data set, in the order of their table."""
    rows = read_table(PUBLISHED, PUBLISHED_COLUMNS, "uv sync --reinstall-package scp-pipeline")
    return [
        Result(
            row["method"],
            row["text_free"] != "True",
            row["backbone"],
            dataset,
            {metric: Score(float(row[metric])) if row[metric] else None for metric in METRICS},
            row["split"] or NOT_TOLD,
            row["protocol"] or NOT_TOLD,
            row["source"],
            tuple(LEAKS[word] for word in row["leaks"].split()),
            row["cited"] == SECONDARY,
        )
        for row in rows
        if row["dataset"] == dataset
    ]


def own_results(dataset: str, backbone: str, scores: dict[str, Any], methods: Methods) -> list[Result]:
    """Our results on a cell: for each method the mean over the runs, the kept run and the oracle; none without labels.

    Args:
        dataset: the data set.
        backbone: the backbone or the mix.
        scores: what `evaluate` found: by method, by split, by metric. The test split counts, or else the train split.
        methods: the registry, for titles.
    """
    results = []
    for name, of_method in scores.items():
        split = next((split for split in (TEST, TRAIN) if split in of_method), None)
        if split is None:
            continue
        runs, found = of_method["runs"], of_method[split]
        fitted = "none" if name in methods and methods[name].text == CLASS_NAMES else TRAIN
        kinds = {
            "mean": f"mean ± std of {runs} runs",
            "kept": "kept run, chosen without labels",
            "oracle": f"oracle: best of {runs} runs, chosen with labels",
        }
        for kind in kinds if runs > 1 else ["kept"]:
            values: Scores = {}
            for metric in METRICS:
                std = 100 * found[metric]["std"]
                spread = (std, margin(std, runs)) if kind == "mean" else ()
                values[metric] = Score(100 * found[metric][kind], *spread)
            protocol = kinds[kind] if runs > 1 else "one run"
            entry = methods.get(name)
            title, text = (entry.title, bool(entry.text)) if entry else (name, False)
            results.append(Result(title, text, backbone, dataset, values, f"{fitted} / {split}", protocol, ""))
    return results


def best(results: Sequence[Result]) -> dict[tuple[str, str], str]:
    """The best printed value of each (data set, metric) among the results that read no text."""
    found: dict[tuple[str, str], float] = {}
    for result in results:
        for metric, score in result.scores.items():
            if score is not None and not result.text:
                key = (result.dataset, metric)
                found[key] = max(found.get(key, score.value), score.value)
    return {key: f"{value:.1f}" for key, value in found.items()}
