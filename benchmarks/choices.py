"""What `auto`'s choice without labels loses against the best of its members, which labels alone can tell.

    uv run python -m benchmarks.choices --role development

On the labelled sets of docs/benchmark.md, embedded as by `benchmarks.collections`. The oracle is the member with the
best accuracy; `auto` chooses the one that the others agree with most. Heads that learn the choice are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.collections import chosen, opened, sets_parser
from pipeline.base.errors import PipelineError
from pipeline.base.text import markdown_table
from pipeline.cli.settings import Settings, read_params
from pipeline.collection.fitting import suited
from pipeline.config.params import DEFAULTS
from pipeline.evaluation.scores import METRICS
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.methods.auto import choose

COLUMNS = ("choice", "consensus of all", "mean of the members", "oracle")


def accuracies(dataset: str, settings: Settings, seeds: int) -> Iterator[tuple[float, ...]]:
    """For each seed the accuracies in percent that `COLUMNS` names."""
    there = opened(dataset, settings)

    def accuracy(clusters: np.ndarray) -> float:
        return 100 * METRICS["acc"](clusters, there.labels)

    images, clusters = len(there.labels), there.about.clusters
    for seed in range(seeds):
        fitting = suited(replace(settings.fit, seed=seed), settings.cluster, "auto", images, clusters)
        near = Neighbours(lambda: unit_length(there.read.clean))
        problem = Problem(there.read.views, fitting, there.about, "cpu", lambda _: None, given_near=near)
        made = choose(problem, run_seeds(seed, 1)[0])
        of_members = [accuracy(each) for each in made.members]
        yield (accuracy(made.clusters), accuracy(made.consensus), float(np.mean(of_members)), max(of_members))


def main() -> None:
    """Prints a row a set, and the mean."""
    parser = sets_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    means: dict[str, np.ndarray] = {}
    try:
        settings = read_params(DEFAULTS)
        for dataset in chosen(given.role, given.dataset, given.sealed_once):
            means[dataset] = np.mean(list(accuracies(dataset, settings, given.seeds)), axis=0)
            print(f"{dataset}: {means[dataset].round(1)}", file=sys.stderr)
    except PipelineError as error:
        raise SystemExit(f"choices: {error}") from None
    means["mean"] = np.mean(list(means.values()), axis=0)
    rows = [[name, *(f"{value:.1f}" for value in found)] for name, found in means.items()]
    print(markdown_table(["set", *COLUMNS], rows))


if __name__ == "__main__":
    main()
