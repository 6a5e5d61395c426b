"""Methods on the labelled sets of docs/benchmark.md, embedded and fitted as `pipeline cluster -k` does it.

    uv run python -m benchmarks.collections --role development
    uv run python -m benchmarks.collections --dataset scratch --method auto --method "scp fit.training.epochs=9"

A set is prepared where it is missing, and of many pictures some are drawn by their content. Labels are read to score,
and say how many clusters to look for. A method may stand with values in the place of those of params.yaml. Below
data/benchmarks lie the embeddings, which are kept, and for each role ROLE.csv (every fit) and ROLE.md (two tables).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import rankdata

from pipeline.backbones.registry import get_backbone
from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.base.text import markdown_table
from pipeline.cli.graph import prepare
from pipeline.cli.settings import Settings, read_params
from pipeline.collection.fitting import suited, suited_extraction
from pipeline.config.names import TRAIN, parts_of
from pipeline.config.params import DEFAULTS
from pipeline.config.paths import DATA, cell_paths
from pipeline.config.settings import DatasetSettings, ExtractSettings
from pipeline.evaluation.labels import read_labels
from pipeline.evaluation.scores import METRICS
from pipeline.extraction.extract import extract
from pipeline.features.cache import open_features, write_mix
from pipeline.features.shards import Embeddings
from pipeline.heads.predictions import read_assignments
from pipeline.images.datasets.benchmark import LOOKED_AT, divided
from pipeline.images.listing import LIST_NAME, read_list, sample
from pipeline.methods import find_entry, settings_of
from pipeline.methods.fit import fit

OUT = DATA / "benchmarks"
METHODS = ("kmeans", "umap-kmeans", "consensus", "auto")
MOST = 1000
"""Pictures of a set, where no other number is asked for."""
LEAST = 20
GRAPHS = "fashion-mnist-mini"
"""The graph's own set: no part of the benchmark, and no page lists it there, but methods may be run on it too."""
SCORES = (*METRICS, "seconds")
DEVELOPMENT, SEALED = "development", "sealed"


@dataclass(frozen=True)
class Contender:
    """A method with values of its own."""

    title: str
    """The method's name, and behind it values in the place of those of params.yaml."""

    @property
    def method(self) -> str:
        """Its name."""
        return self.title.split()[0]

    @property
    def settings(self) -> Settings:
        """All parameters, those of the installation with the values."""
        return read_params(DEFAULTS, self.title.split()[1:])


@dataclass(frozen=True)
class Fitted:
    """One fit: its scores in 0..1, and the seconds of processor time."""

    dataset: str
    contender: str
    seed: int
    scores: tuple[float, ...]
    """As `SCORES` names them."""


def chosen(role: str, datasets: Sequence[str], sealed_once: bool) -> list[str]:
    """The sets to run on.

    Raises:
        PipelineError: if one is unknown, or is sealed and the seal is not to be broken.
    """
    development, sealed = divided()
    known = [*development, *LOOKED_AT, GRAPHS, *sealed]
    named = list(datasets) or list(development if role == DEVELOPMENT else sealed)
    for name in named:
        if name not in known:
            raise PipelineError(f"--dataset {name}: expected a set of the benchmark, one of {', '.join(known)}")
        if name in sealed and not sealed_once:
            raise PipelineError(
                f"{name}: it is sealed: every method runs on it once, when the work on all of them is over, and "
                "nothing is changed after looking (docs/benchmark.md); take --role development, or add --sealed-once"
            )
    return named


def embed(dataset: str, settings: Settings, most: int = MOST) -> tuple[Path, ExtractSettings]:
    """The cache of so many pictures of a set at most, made where it is missing, and what it is made with."""
    choice, images = settings.cluster, cell_paths(dataset, "").images
    if not (images / LIST_NAME).is_file():
        prepare([dataset])
    records = [replace(record, split=TRAIN) for record in sample(read_list(images), most)]
    extracting = suited_extraction(settings.extract, choice, len(records), augmented=False)
    cache = OUT / "features" / (dataset if most == MOST else f"{dataset}-{most}") / choice.backbone
    for name in parts_of(choice.backbone):
        backbone = get_backbone(name).seeing(choice.geometry, choice.image_size)
        extract(dataset, backbone, images, cache.with_name(name), extracting, "cpu", records=records)
    if len(parts_of(choice.backbone)) > 1:
        write_mix(cache)
    return cache, extracting


@dataclass(frozen=True)
class Opened:
    """A set as its fits see it, and its labels."""

    cache: Path
    made_with: ExtractSettings
    read: Embeddings
    labels: np.ndarray
    """str (n,), of the rows."""
    about: DatasetSettings
    """With the true number of clusters."""


def opened(dataset: str, settings: Settings, most: int = MOST) -> Opened:
    """So many pictures of a set at most, embedded where they are not."""
    cache, made_with = embed(dataset, settings, most)
    known, read = read_labels(cell_paths(dataset, "").labels), open_features(cache).read(TRAIN)
    labels = np.array([known[name] for name in read.ids])
    about = DatasetSettings(len(set(labels)), settings.cluster.balance_weight, None, settings.cluster.geometry)
    return Opened(cache, made_with, read, labels, about)


def fits(dataset: str, contender: Contender, seeds: int, most: int) -> Iterator[Fitted]:
    """The fits of a method on a set, one for each seed; labels say how many clusters, and score."""
    settings, method = contender.settings, contender.method
    there = opened(dataset, settings, most)
    images, about = len(there.labels), there.about
    for seed in range(seeds):
        fitting = suited(replace(settings.fit, seed=seed), settings.cluster, method, images, about.clusters)
        with TemporaryDirectory() as place:
            heads, predictions = Path(place, "heads"), Path(place, "predictions")
            began = time.process_time()
            fit(dataset, there.cache, heads, predictions, fitting, there.made_with, about, "cpu")
            seconds = time.process_time() - began
            clusters = read_assignments(predictions / method).clusters
        yield Fitted(
            dataset, contender.title, seed, (*(of(clusters, there.labels) for of in METRICS.values()), seconds)
        )


def tables(found: Sequence[Fitted]) -> str:
    """Each set by each method (ACC in percent, mean ± standard deviation over the seeds), and what that comes to."""
    datasets = list(dict.fromkeys(each.dataset for each in found))
    titles = list(dict.fromkeys(each.contender for each in found))
    runs: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for each in found:
        runs.setdefault((each.dataset, each.contender), []).append(each.scores)
    scores = np.array([[runs[dataset, title] for title in titles] for dataset in datasets])
    means, spreads = scores.mean(2), 100 * scores[..., 0].std(2, ddof=1)  # (sets, methods, scores), (sets, methods)
    accuracies = 100 * means[..., 0]
    ranks = rankdata(-accuracies.round(2), axis=1).mean(0)
    behind = (accuracies.max(1, keepdims=True) - accuracies).max(0)
    by_set = [
        [name, *(f"{mean:.1f} ± {spread:.1f}" for mean, spread in zip(*each, strict=True))]
        for name, *each in zip(datasets, accuracies, spreads, strict=True)
    ]
    of_all = [
        [title, *(f"{100 * score:.1f}" for score in mean[:-1]), f"{rank:.2f}", f"{far:.1f}", f"{mean[-1]:.1f}"]
        for title, mean, rank, far in zip(titles, means.mean(0), ranks, behind, strict=True)
    ]
    columns = ["method", *(name.upper() for name in METRICS), "mean rank", "furthest behind", "processor seconds"]
    return markdown_table(["set", *titles], by_set) + "\n" + markdown_table(columns, of_all)


def sets_parser(about: str | None) -> argparse.ArgumentParser:
    """A parser of the words that name sets, see `chosen`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--role", choices=(DEVELOPMENT, SEALED), default=DEVELOPMENT)
    parser.add_argument("--dataset", action="append", default=[], help="in the place of all sets of the role")
    parser.add_argument("--sealed-once", action="store_true", help="run on sealed sets: once, when all else is done")
    return parser


def main() -> None:
    """Runs every method on every set, and writes and prints the tables."""
    parser = sets_parser(__doc__)
    parser.add_argument("--method", action="append", default=[], help=f"default: {', '.join(METHODS)}")
    parser.add_argument("--seeds", type=int, default=5, help="at least 2")
    parser.add_argument("--most", type=int, default=MOST, help="pictures of a set; of more some are drawn")
    given = parser.parse_args()
    try:
        datasets = chosen(given.role, given.dataset, given.sealed_once)
        contenders = [Contender(title) for title in given.method or METHODS]
        if given.seeds < 2:
            raise PipelineError(f"--seeds {given.seeds}: expected at least 2, for the deviation")
        if given.most < LEAST:
            raise PipelineError(f"--most {given.most}: expected at least {LEAST} pictures of a set")
        for contender in contenders:
            find_entry(contender.method, "--method")
            settings_of(contender.settings.fit, contender.method)
        found: list[Fitted] = []
        for dataset in datasets:
            for contender in contenders:
                found += fits(dataset, contender, given.seeds, given.most)
                mean = np.mean([each.scores for each in found[-given.seeds :]], 0)
                print(f"{dataset}, {contender.title}: ACC {100 * mean[0]:.1f}, {mean[-1]:.1f} s", file=sys.stderr)
            write(found, given.role)
    except PipelineError as error:
        raise SystemExit(f"collections: {error}") from None
    print(tables(found))


def write(found: Sequence[Fitted], role: str) -> None:
    """Writes what there is: a run that ends early is not lost."""
    rows = ([f.dataset, f.contender, f.seed, *(f"{score:.4f}" for score in f.scores)] for f in found)
    write_table(OUT / f"{role}.csv", ("dataset", "method", "seed", *SCORES), rows)
    write_text(OUT / f"{role}.md", tables(found))


if __name__ == "__main__":
    main()
