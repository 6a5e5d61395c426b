"""evaluate: predictions + labels -> ACC, NMI and ARI. The only stage that reads a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import folder_replaced, read_json, sha256_of_file, write_json
from pipeline.base.made_from import NAME as MADE_FROM
from pipeline.base.made_from import digest_of_folder, write_made_from
from pipeline.config.names import CLASSES, CONFUSION, LABEL_COLUMNS, SCORES
from pipeline.evaluation.labels import read_labels
from pipeline.evaluation.scores import METRICS, match
from pipeline.heads.predictions import read_assignments, read_runs


def evaluate(predictions: Path, labels: Path, out: Path, again: str) -> dict[str, Any]:
    """Scores a method of a cell on every split.

    Writes `scores.json` (also given back, see `score`), `classes.csv` with the class of each image, and
    `confusion.csv`: for each split, cluster and class the number of images, the cluster beside the class that it is
    matched to. Without labels the scores hold the numbers of runs and clusters alone, and there is no confusion.

    Args:
        predictions: the folder of the method.
        labels: the label table of the data set.
        out: the folder to write; what was there is replaced.
        again: what the user runs to make the predictions, for errors.

    Raises:
        PipelineError: if a table is missing or damaged, or the images of predictions and labels are not the same.
    """
    kept, runs = read_assignments(predictions, again), read_runs(predictions, again)
    known = read_labels(labels)
    names = sorted(set(known.values()))
    if len(runs) != len(kept.ids):
        raise PipelineError(f"{predictions}: the two tables have different images; run '{again}'")
    scores: dict[str, Any] = {"runs": runs.shape[1], "clusters_used": len(np.unique(kept.clusters))}
    classes: list[tuple[str, str]] = []
    confusions: list[tuple[object, ...]] = []
    if known:
        if set(kept.ids) != set(known):
            odd = sorted(set(kept.ids) ^ set(known))[0]
            raise PipelineError(
                f"{predictions}: expected the {len(known)} images of {labels}, found {len(kept.ids)}, "
                f"'{odd}' is in one alone; run 'pipeline extract' on the prepared images, then '{again}'"
            )
        classes = [(image_id, known[image_id]) for image_id in kept.ids]
        truth = np.array([names.index(label) for _, label in classes])
        for split in dict.fromkeys(kept.splits.tolist()):
            members = kept.splits == split
            scores[split] = score(kept.clusters[members], runs[members], truth[members])
            confusions += confusion(split, kept.clusters[members], truth[members], names)

    with folder_replaced(out) as folder:
        write_json(folder / SCORES, scores)
        write_table(folder / CLASSES, LABEL_COLUMNS, classes)
        write_made_from(folder, made_from(predictions, labels))
        if known:
            write_table(folder / CONFUSION, ("split", "cluster", "matched", "label", "images"), confusions)
    return scores


def made_from(predictions: Path, labels: Path) -> dict[str, Any]:
    """All that decides the scores: what the predictions are made from, their digest, and that of the label table."""
    known = predictions / MADE_FROM
    before = read_json(known, "pipeline fit") if known.is_file() else {}
    return {**before, "predictions": digest_of_folder(predictions), "labels": sha256_of_file(labels)}


def score(kept: np.ndarray, runs: np.ndarray, truth: np.ndarray) -> dict[str, dict[str, float]]:
    """The scores of one method on one split, each 0..1 (ARI may be negative).

    Args:
        kept: int (n,), clusters of the run that was kept without labels.
        runs: int (n, runs), clusters of all runs.
        truth: int (n,), classes.

    Returns:
        for each metric the ``mean`` and ``std`` (of the sample; 0 for one run) over the runs, the ``kept`` run, and
        the ``oracle``: the run with the best accuracy, chosen with labels, as the paper reports it.
    """
    values = {name: np.array([metric(run, truth) for run in runs.T]) for name, metric in METRICS.items()}
    best = int(values["acc"].argmax())
    return {
        name: {
            "mean": float(values[name].mean()),
            "std": float(values[name].std(ddof=1)) if len(values[name]) > 1 else 0.0,
            "kept": metric(kept, truth),
            "oracle": float(values[name][best]),
        }
        for name, metric in METRICS.items()
    }


def confusion(split: str, clusters: np.ndarray, truth: np.ndarray, names: list[str]) -> list[tuple[object, ...]]:
    """Rows (split, cluster, matched class or nothing, class, images) of the confusion matrix, zeros included."""
    matched = match(clusters, truth)
    rows: list[tuple[object, ...]] = []
    for cluster in np.unique(clusters).tolist():
        counts = np.bincount(truth[clusters == cluster], minlength=len(names))
        title = names[matched[cluster]] if cluster in matched else ""
        rows += [(split, cluster, title, name, int(count)) for name, count in zip(names, counts, strict=True)]
    return rows


def lines(scores: dict[str, Any]) -> list[str]:
    """The scores of methods, by name, for people: one line a method and split, in percent."""
    result = []
    for method, values in scores.items():
        head = f"{method}, {values['clusters_used']} clusters in use"
        splits = {name: value for name, value in values.items() if isinstance(value, dict)}
        result += [] if splits else [f"{head}, no labels to compare with"]
        for split, by_metric in splits.items():
            parts = [
                f"{name.upper()} {100 * v['mean']:.1f} ± {100 * v['std']:.1f} (kept {100 * v['kept']:.1f}, "
                f"oracle {100 * v['oracle']:.1f})"
                for name, v in by_metric.items()
            ]
            result.append(f"{head}, {split}: {'; '.join(parts)}")
    return result
