"""trial: labelled data -> how good the estimate of the number of clusters is, where the number is known.

Labels make the subsets whose number of classes is the truth; the estimate itself sees embeddings alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.base.text import markdown_table
from pipeline.collection.estimate import Estimate, estimate
from pipeline.collection.settings import ClusterSettings
from pipeline.config.names import LABEL_COLUMNS
from pipeline.config.paths import Cell
from pipeline.experiments.settings import EstimatesStudy
from pipeline.features.cache import open_features
from pipeline.heads.settings import FitSettings
from pipeline.report.latex import tabular

OURS = "recommended"
CLOSE = 1
"""An estimate that is off by so many counts as close."""


@dataclass(frozen=True)
class Labelled:
    """Embeddings whose classes are known."""

    name: str
    rows: np.ndarray
    """float (n, dim)."""
    classes: np.ndarray
    """int (n,), from 0 without a gap."""


@dataclass(frozen=True)
class Subset:
    """The pictures of some classes."""

    data: str
    classes: int
    """How many: the truth."""
    uneven: bool
    rows: np.ndarray


def labelled_cell(cell: Cell) -> Labelled:
    """The clean embeddings of a cell, all splits, with the classes of its pictures.

    Raises:
        PipelineError: if the cache or the labels are missing, or some pictures have no label.
    """
    again = f"pipeline prepare --dataset {cell.dataset}"
    known = {row["id"]: row["label"] for row in read_table(cell.labels, LABEL_COLUMNS, again)}
    features = open_features(cell.features)
    splits = [features.read(split) for split in features.splits]
    ids = [image_id for split in splits for image_id in split.ids]
    missing = sum(image_id not in known for image_id in ids)
    if missing:
        raise PipelineError(
            f"{cell.labels}: expected a label for each of {len(ids):,} images, {missing:,} have none; only labelled "
            "data can tell how good an estimate is"
        )
    classes = np.unique([known[image_id] for image_id in ids], return_inverse=True)[1]
    return Labelled(f"{cell.dataset} x {cell.backbone}", np.concatenate([split.clean for split in splits]), classes)


def digits() -> Labelled:
    """Scikit-learn's 1,797 digits of 8 x 8 pixels, the pixels as they are."""
    found = load_digits()
    return Labelled("digits", found.data, found.target)


def subsets(data: Labelled, study: EstimatesStudy) -> Iterator[Subset]:
    """Random classes of the data, as many as the study asks for; where it asks for more than there are, none."""
    sizes = np.bincount(data.classes)
    for count in (count for count in study.classes if count <= len(sizes)):
        rng = np.random.default_rng([study.seed, count])
        chosen = rng.permutation(len(sizes))[:count]
        largest = min(int(sizes[chosen].min()), study.images // count)
        for uneven in (False, True) if count in study.uneven else (False,):
            shares = study.ratio ** -np.linspace(0, uneven, count)
            parts = [
                rng.choice(np.flatnonzero(data.classes == each), max(1, round(largest * share)), replace=False)
                for each, share in zip(chosen, shares.tolist(), strict=True)
            ]
            yield Subset(data.name, count, uneven, data.rows[np.sort(np.concatenate(parts))])


def trial(
    cells: Sequence[Cell],
    study: EstimatesStudy,
    choice: ClusterSettings,
    fit: FitSettings,
    device: str,
    out: Path,
    progress: Callable[[str], None],
) -> str:
    """Estimates the number of clusters of every subset, and writes a table of all and one of how close they are.

    Args:
        cells: labelled, extracted.
        study: which subsets.
        choice: of the estimate.
        fit: of the estimate's heads.
        device: ``cpu`` or a CUDA device.
        out: the folder to write; what was there is replaced.
        progress: takes a short text that tells how far it is.

    Returns:
        the short table, in Markdown.

    Raises:
        PipelineError: see `labelled_cell`.
    """
    found = []
    for data in [*(labelled_cell(cell) for cell in cells), digits()]:
        for subset in subsets(data, study):
            progress(f"{subset.classes} classes of {subset.data}{' (uneven)' if subset.uneven else ''}")
            found.append((subset, estimate(subset.rows, choice, fit, device, lambda _: None)))
    names = [criterion.name for criterion in found[0][1].criteria]
    columns = ["data", "pictures", "classes", "uneven", OURS, "low", "high", "evidence", *names]
    rows = [_row(subset, made, names) for subset, made in found]
    head = ["estimate", "exact", f"within {CLOSE}", "mean error", "furthest off"]
    close = list(_closeness(found, names))
    summary = markdown_table(head, close)
    shutil.rmtree(out, ignore_errors=True)
    write_table(out / "estimates.csv", columns, rows)
    write_table(out / "closeness.csv", head, close)
    note = f"Estimates of the number of classes on {len(found)} subsets of labelled data, each once."
    write_text(out / "closeness.tex", tabular(head, close, note))
    write_text(out / "estimates.tex", tabular(columns, rows, note))
    write_text(out / "estimates.md", summary + "\n" + markdown_table(columns, rows))
    return summary


def _choices(made: Estimate, names: Sequence[str]) -> list[int | None]:
    by_name = {criterion.name: criterion.choice for criterion in made.criteria}
    return [made.choice, *(by_name.get(name) for name in names)]


def _row(subset: Subset, made: Estimate, names: Sequence[str]) -> list[object]:
    ours, *others = ("" if choice is None else choice for choice in _choices(made, names))
    known = [subset.data, len(subset.rows), subset.classes, "yes" if subset.uneven else ""]
    return [*known, ours, made.low, made.high, made.evidence, *others]


def _closeness(found: Sequence[tuple[Subset, Estimate]], names: Sequence[str]) -> Iterator[list[object]]:
    """For each way to ask how often its answer is right, and how far off it is."""
    for column, name in enumerate([OURS, *names]):
        pairs = [(_choices(made, names)[column], subset.classes) for subset, made in found]
        errors = np.array([choice - truth for choice, truth in pairs if choice is not None])
        shares = [f"{(np.abs(errors) <= limit).sum()} of {len(found)}" for limit in (0, CLOSE)]
        worst = int(errors[np.abs(errors).argmax()])
        yield [name, *shares, f"{np.abs(errors).mean():.1f}", f"{worst:+d}"]
