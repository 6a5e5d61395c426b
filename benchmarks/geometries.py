"""What each geometry of a picture is worth on labelled pictures: `pipeline cluster` on folders, one folder a class.

    python -m benchmarks.geometries FOLDER... --out results

For each folder and each geometry: the accuracy of a linear probe on the clean embeddings (labels in sight, a bound),
and of k-means, of k-means on UMAP's layout and of auto, which see no label. What stands in `results` is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pipeline
from pipeline.cli.settings import read_params
from pipeline.collection.result import SPLIT, Collection
from pipeline.config.params import DEFAULTS
from pipeline.evaluation.ceilings import probe_accuracy
from pipeline.evaluation.scores import accuracy
from pipeline.features.cache import open_features

METHODS = ("auto", "umap-kmeans", "kmeans")
GEOMETRIES = ("crop", "squash", "pad")


def measure(folder: Path, geometry: str, out: Path) -> list[float]:
    """Accuracies in percent: of the probe, and of each of `METHODS`."""
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    settings = read_params(DEFAULTS)
    scores = []
    for method in METHODS:
        made = pipeline.cluster(
            folder, len(classes), out / f"{folder.name}-{geometry}", method=method, geometry=geometry
        )
        labels = np.array([classes.index(Path(name).parts[0]) for name in made.ids])
        scores.append(accuracy(made.clusters, labels))
    cache = Collection(made.folder).features(settings.cluster.backbone)
    probe = probe_accuracy(open_features(cache).read(SPLIT).clean, labels, settings.studies.ceilings)
    return [100 * score for score in (probe, *scores)]


def main() -> None:
    """Prints a row for each folder and geometry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    print("pictures", "geometry", "probe", *METHODS, sep="\t")
    for folder in given.folders:
        for geometry in GEOMETRIES:
            found = measure(folder, geometry, given.out)
            print(folder.name, geometry, *(f"{score:.1f}" for score in found), sep="\t", flush=True)


if __name__ == "__main__":
    main()
