"""Whether the confidence of `pipeline cluster` means something: on labelled pictures, how often it is right.

    python -m benchmarks.calibration FOLDER... --out RESULTS

FOLDER has one folder a class. A
picture is wrong where its class is not the one that the Hungarian matching gives its cluster. For each method, means
over the folders, of what the page shows and of the method's own confidence: the expected calibration error (ten bins of
equal width), the AUROC of right against wrong, and the share of wrong ones among the ten most typical of each cluster,
by the confidence and by the margin of the largest logit. What stands in RESULTS is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import roc_auc_score

import pipeline
from pipeline.cli.settings import read_params
from pipeline.collection.confidence import confidences
from pipeline.collection.layout import read_layout
from pipeline.collection.result import SPLIT, Collection
from pipeline.config.names import HEAD
from pipeline.config.params import DEFAULTS
from pipeline.features.cache import open_features
from pipeline.heads.predictions import read_assignments, read_runs
from pipeline.heads.saved import load_model
from pipeline.methods import METHODS

MEASURED = ("kmeans", "umap-kmeans", "scp", "auto")
BINS, TYPICAL = 10, 10


def are_right(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each picture has the class that its cluster is matched with, bool (n,)."""
    size = max(clusters.max(), labels.max()) + 1
    counts = np.zeros((size, size), int)
    np.add.at(counts, (clusters, labels), 1)
    _, matched = linear_sum_assignment(-counts)
    result: np.ndarray = matched[clusters] == labels
    return result


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """The mean over the pictures of how far the confidence of their bin is from the share that is right in it."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    sums = [np.bincount(bins, values, BINS) for values in (confidence, right.astype(float))]
    return float(np.abs(sums[0] - sums[1]).sum() / len(right))


def typical_errors(order: np.ndarray, clusters: np.ndarray, right: np.ndarray) -> float:
    """The share of wrong pictures among the first of each cluster, the largest of `order` first."""
    shuffled = np.random.default_rng(0).permutation(len(order))  # Or of equals the first class would be first.
    rows = shuffled[np.argsort(-order[shuffled], kind="stable")]
    firsts = [rows[clusters[rows] == cluster][:TYPICAL] for cluster in np.unique(clusters)]
    return float(np.mean([(~right[each]).mean() for each in firsts]))


def measure(folder: Path, method: str, out: Path) -> list[float]:
    """Accuracy, and each measure of what is shown and of the method's own."""
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    made = pipeline.cluster(folder, len(classes), out / folder.name, method=method)
    labels = np.array([classes.index(Path(name).parts[0]) for name in made.ids])
    collection, right = Collection(made.folder), are_right(made.clusters, labels)
    own = read_assignments(collection.predictions / method).confidences
    layout, runs = read_layout(collection.layout), read_runs(collection.predictions / method)
    (shown,) = confidences(layout.neighbours, layout.distances, runs, made.clusters, [made.clusters])
    features = collection.features(read_params(DEFAULTS).cluster.backbone)
    logits = np.sort(
        load_model(collection.head / HEAD, METHODS).model.logits(open_features(features).read(SPLIT).clean)
    )
    values = [float(right.mean())]
    for confidence, order in ((shown, shown), (own, logits[:, -1] - logits[:, -2])):
        area = float(roc_auc_score(right, confidence))
        values += [calibration_error(confidence, right), area, typical_errors(order, made.clusters, right)]
    return values


def main() -> None:
    """Prints a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    print("method", "ACC", "shown: ECE", "AUROC", "wrong of ten", "own: ECE", "AUROC", "wrong of ten", sep="\t")
    for method in MEASURED:
        means = np.mean([measure(folder, method, given.out) for folder in given.folders], 0)
        print(method, *(f"{value:.3f}" for value in means), sep="\t", flush=True)


if __name__ == "__main__":
    main()
