"""Clusters embeddings without labels, then compares the clusters with labels that were kept apart.

With scikit-learn's digits, whose pixels serve as embeddings:

    python examples/cluster_embeddings.py

With a feature cache, and the labels that `pipeline prepare` wrote beside it:

    python examples/cluster_embeddings.py --cache data/features/fashion-mnist-mini/efficientnet-lite0 \
        --labels data/labels/fashion-mnist-mini.csv
"""

from __future__ import annotations

import argparse
import csv

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import pipeline


def from_cache(folder: str, labels: str) -> tuple[np.ndarray, list[str]]:
    """The train split of a cache, and the label of each image in it.

    Returns:
        float16 (images, 1 + views, dim), or float32 (images, dim) where there are no augmented views; and the labels.
    """
    embeddings = pipeline.open_features(folder).read("train")
    with open(labels, newline="") as file:
        label_of = {row["id"]: row["label"] for row in csv.DictReader(file)}
    has_views = embeddings.views.shape[1] > 1
    return embeddings.views if has_views else embeddings.clean, [label_of[name] for name in embeddings.ids]


def main() -> None:
    """Fits and prints the adjusted Rand index: 1 is perfect agreement, 0 is chance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", help="a folder that 'pipeline extract' filled; without it digits are clustered")
    parser.add_argument("--labels", help="the CSV file with the columns id and label; needed with --cache")
    parser.add_argument("--clusters", type=int, default=10)
    given = parser.parse_args()
    if given.cache and not given.labels:
        parser.error("--cache needs --labels, to compare with")

    embeddings, labels = from_cache(given.cache, given.labels) if given.cache else load_digits(return_X_y=True)
    clusterer = pipeline.SCPClustering(n_clusters=given.clusters, min_steps=200, random_state=0)
    found = clusterer.fit_predict(embeddings)
    print(f"{len(found):,} embeddings in {len(set(found))} clusters, ARI {adjusted_rand_score(labels, found):.2f}")


if __name__ == "__main__":
    main()
