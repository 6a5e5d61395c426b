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

from benchmarks.collections import chosen, embed, sets_parser
from pipeline.base.errors import PipelineError
from pipeline.base.text import markdown_table
from pipeline.cli.settings import Settings, read_params
from pipeline.collection.fitting import suited
from pipeline.config.names import TRAIN
from pipeline.config.params import DEFAULTS
from pipeline.config.paths import cell_paths
from pipeline.config.settings import DatasetSettings
from pipeline.evaluation.labels import read_labels
from pipeline.evaluation.scores import METRICS
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.methods.auto import choose

COLUMNS = ("choice", "consensus of all", "mean of the members", "oracle")


def accuracies(dataset: str, settings: Settings, seeds: int) -> Iterator[tuple[float, ...]]:
    """For each seed the accuracies in percent that `COLUMNS` names."""
    cache, _ = embed(dataset, settings)
    known = read_labels(cell_paths(dataset, "").labels)
    found = open_features(cache).read(TRAIN)
    labels = np.array([known[name] for name in found.ids])
    about = DatasetSettings(len(set(labels)), settings.cluster.balance_weight, None, settings.cluster.geometry)

    def accuracy(clusters: np.ndarray) -> float:
        return 100 * METRICS["acc"](clusters, labels)

    for seed in range(seeds):
        fitting = suited(replace(settings.fit, seed=seed), settings.cluster, "auto", len(labels), about.clusters)
        near = Neighbours(lambda: unit_length(found.clean))
        problem = Problem(found.views, fitting, about, "cpu", lambda _: None, given_near=near)
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
            means[f"`{dataset}`"] = np.mean(list(accuracies(dataset, settings, given.seeds)), axis=0)
            print(f"{dataset}: {means[f'`{dataset}`'].round(1)}", file=sys.stderr)
    except PipelineError as error:
        raise SystemExit(f"choices: {error}") from None
    means["mean"] = np.mean(list(means.values()), axis=0)
    rows = [[name, *(f"{value:.1f}" for value in found)] for name, found in means.items()]
    print(markdown_table(["set", *COLUMNS], rows))


if __name__ == "__main__":
    main()
