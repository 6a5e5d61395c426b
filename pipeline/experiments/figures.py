"""figures: a cell, or a study on it -> the paper's figures for print, as SVG and PNG."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_bytes
from pipeline.config.names import CLASSES, HEAD, LABEL_COLUMNS, SCORES, SNAPSHOTS
from pipeline.config.paths import Cell
from pipeline.experiments.settings import FiguresSettings
from pipeline.features.cache import open_features
from pipeline.features.neighbours import nearest
from pipeline.heads.method import Methods
from pipeline.heads.saved import load_model
from pipeline.images.listing import open_image, read_list
from pipeline.report import charts, plots
from pipeline.report.charts import Curve, Hit, Map

SCP = "scp"
THUMBNAIL = 64
"""Pixels of a picture's longer side in the image cloud."""


def figures(
    study: str | None,
    cell: Cell,
    variants: Mapping[str, Cell],
    settings: FiguresSettings,
    out: Path,
    methods: Methods,
) -> list[str]:
    """Draws the figures of a cell, or of a study on it.

    Args:
        study: one of `DRAWN`, or None for the cell's own figures.
        cell: the cell, fitted and evaluated.
        variants: of the study, by name.
        settings: how many images, and the seed.
        out: the folder to write ``<figure>.svg`` and ``<figure>.png`` to; what was there is replaced.
        methods: the registry, which restores saved heads.

    Returns:
        the names of the figures.

    Raises:
        PipelineError: if an input is missing or damaged.
    """
    shown = Shown(cell, settings, methods)
    drawn = DRAWN[study](variants, shown) if study else cell_figures(shown)
    shutil.rmtree(out, ignore_errors=True)
    for name, figure in drawn.items():
        for kind in ("svg", "png"):
            data = charts.encoded(figure, kind, f"{cell.dataset} {cell.backbone} {name}")
            write_bytes(out / f"{name}.{kind}", data)
    return list(drawn)


class Shown:
    """What the figures show of a cell: the split that the page shows too, and its classes where they are known."""

    def __init__(self, cell: Cell, settings: FiguresSettings, methods: Methods) -> None:
        self.cell, self.settings, self.methods = cell, settings, methods
        features = open_features(cell.features)
        self.split = next((name for name in ("test", "train") if name in features.splits), next(iter(features.splits)))
        embeddings = features.read(self.split)
        self.ids, self.clean = embeddings.ids, embeddings.clean
        options = f"--dataset {cell.dataset} --backbone {cell.backbone}"
        table = read_table(cell.evaluation / CLASSES, LABEL_COLUMNS, f"pipeline evaluate {options}")
        known = {row["id"]: row["label"] for row in table}
        if known and not set(self.ids) <= set(known):
            raise PipelineError(f"{cell.evaluation / CLASSES}: other images than {cell.features}; run 'dvc repro'")
        self.labels = [known[image_id] for image_id in self.ids] if known else None
        self.names = dict(enumerate(sorted(set(known.values()))))

    def sample(self, most: int) -> np.ndarray:
        """At most `most` images of the split, by the seed."""
        return plots.sample(len(self.ids), most, self.settings.seed)

    def classes(self, chosen: np.ndarray) -> np.ndarray:
        """The number of each chosen image's class, in the order of `names`."""
        numbers = {name: number for number, name in self.names.items()}
        assert self.labels is not None, "asked for where there are labels"
        return np.array([numbers[self.labels[row]] for row in chosen])

    def pictures(self, chosen: list[int]) -> list[Image.Image]:
        """The pictures of some images."""
        records = {record.id: record for record in read_list(self.cell.images)}
        missing = [self.ids[row] for row in chosen if self.ids[row] not in records]
        if missing:
            raise PipelineError(f"{self.cell.images}: the image '{missing[0]}' is not in the list; run 'dvc repro'")
        return [open_image(self.cell.images, records[self.ids[row]]) for row in chosen]


# The figures of a cell


def cell_figures(shown: Shown) -> dict[str, Figure]:
    """Maps of embeddings and logits (Figures 3 and 4), image search (6 and 7) and the image cloud (A.2)."""
    model = load_model(shown.cell.heads / SCP / HEAD, shown.methods).model
    logits = model.logits(shown.clean)
    return {
        "maps": map_figure(shown, logits),
        "search-embedding": search_figure(shown, shown.clean),
        "search-head": search_figure(shown, logits),
        "cloud": cloud_figure(shown, logits),
    }


def map_figure(shown: Shown, logits: np.ndarray) -> Figure:
    """t-SNE of the clean embeddings beside t-SNE of the logits, by class where it is known, else by cluster."""
    chosen = shown.sample(shown.settings.map_images)
    panels = []
    for title, rows in (("Embeddings", shown.clean[chosen]), ("Logits of the head", logits[chosen])):
        groups = shown.classes(chosen) if shown.labels else logits[chosen].argmax(1)
        panels.append(Map(title, plots.project(rows, shown.settings.seed), groups))
    clusters = {int(group): f"cluster {group}" for group in np.unique(panels[0].groups)}
    return charts.maps(panels, shown.names if shown.labels else clusters, columns=2)


def search_figure(shown: Shown, rows: np.ndarray) -> Figure:
    """A query drawn by the seed, and its nearest images by Euclidean distance between `rows`.

    The paper searches by embedding and by SCP; of SCP we take the logits (ours).
    """
    query = int(np.random.default_rng(shown.settings.seed).integers(len(shown.ids)))
    found, _ = nearest(rows, rows[query : query + 1], shown.settings.search_results + 1)
    hits = [row for row in found[0].tolist() if row != query][: shown.settings.search_results]

    def hit(row: int, rank: int, picture: Image.Image) -> Hit:
        label = shown.labels[row] if shown.labels else ""
        wrong = bool(shown.labels) and row != query and label != (shown.labels or [])[query]
        start = "query" if rank == 0 else str(rank)
        return Hit(picture, f"{start} {label}".strip()[:22], wrong)

    chosen = [query, *hits]
    first, *others = [
        hit(row, rank, picture) for rank, (row, picture) in enumerate(zip(chosen, shown.pictures(chosen), strict=True))
    ]
    return charts.sheet(first, others)


def cloud_figure(shown: Shown, logits: np.ndarray) -> Figure:
    """Pictures placed by t-SNE of their logits, moved apart, framed by cluster."""
    chosen = shown.sample(shown.settings.cloud_images)
    pictures = shown.pictures(chosen.tolist())
    for picture in pictures:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
    places = plots.project(logits[chosen], shown.settings.seed)
    return charts.cloud(pictures, places, logits[chosen].argmax(1))


# The figures of a study


def emergence_figure(variants: Mapping[str, Cell], shown: Shown) -> dict[str, Figure]:
    """Figure 2: t-SNE of the logits before some training steps and at the end."""
    (variant,) = variants.values()
    folder = variant.heads / SCP
    heads = {f"step {int(path.stem.split('-')[1])}": path for path in sorted((folder / SNAPSHOTS).glob("step-*"))}
    chosen = shown.sample(shown.settings.map_images)
    logits = {
        title: load_model(path, shown.methods).model.logits(shown.clean[chosen])
        for title, path in {**heads, "end": folder / HEAD}.items()
    }
    groups = shown.classes(chosen) if shown.labels else logits["end"].argmax(1)
    panels = [Map(title, plots.project(rows, shown.settings.seed), groups) for title, rows in logits.items()]
    clusters = {int(group): f"cluster {group}" for group in np.unique(groups)}
    return {"emergence": charts.maps(panels, shown.names if shown.labels else clusters, columns=len(panels))}


def balance_figure(variants: Mapping[str, Cell], _: Shown) -> dict[str, Figure]:
    """Figure 5: accuracy on the training split against the weight of the balance term."""
    return {"balance": _curve("balance", variants, ["train"], "λ, weight of the balance term")}


def views_figure(variants: Mapping[str, Cell], shown: Shown) -> dict[str, Figure]:
    """Accuracy against the number of cached views."""
    return {"views": _curve("views", variants, [shown.split], "K, augmented views an image")}


def _curve(study: str, variants: Mapping[str, Cell], splits: list[str], x_label: str) -> Figure:
    """ACC and NMI of a study's variants, whose names are numbers; without labels the clusters in use."""
    at = sorted(variants, key=float)
    cell = variants[at[0]]
    again = f"pipeline evaluate --study {study} --dataset {cell.dataset} --backbone {cell.backbone}"
    scores = [read_json(variants[name].evaluation / SCORES, again)[SCP] for name in at]
    curves = []
    for split in splits:
        if not all(split in score for score in scores):
            continue
        for metric in ("acc", "nmi"):
            values = [score[split][metric] for score in scores]
            means, stds, kept = ([100 * value[key] for value in values] for key in ("mean", "std", "kept"))
            curves.append(Curve(metric.upper(), means, stds, kept))
    if curves:
        return charts.curve([float(name) for name in at], curves, x_label, f"percent, {splits[0]} split")
    used = [float(score["clusters_used"]) for score in scores]
    return charts.curve(
        [float(name) for name in at], [Curve("clusters", used, [0.0] * len(used), used)], x_label, "clusters in use"
    )


DRAWN: dict[str, Callable[[Mapping[str, Cell], Shown], dict[str, Figure]]] = {
    "balance": balance_figure,
    "views": views_figure,
    "emergence": emergence_figure,
}
"""The studies that end in figures."""
