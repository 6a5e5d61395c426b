"""Small projects as the stages before `metrics` leave them, and the page that is made of them."""

from __future__ import annotations

import csv
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import torch

from pipeline.base.csv_tables import write_table
from pipeline.base.files import write_json
from pipeline.cli.settings import read_params
from pipeline.config.names import HEAD, HISTORY, LABEL_COLUMNS, SUMMARY, TERMS
from pipeline.config.paths import Cell
from pipeline.evaluation.evaluate import evaluate
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from pipeline.heads.head import Head
from pipeline.heads.predictions import write_predictions
from pipeline.heads.problem import Model
from pipeline.heads.saved import SavedModel, save_model
from pipeline.heads.training import HeadModel
from pipeline.images.listing import ImageRecord, write_list
from pipeline.methods import METHODS, settings_of
from pipeline.methods.kmeans import Centroids, normalise
from pipeline.report.metrics import PAGE, report
from pipeline.report.settings import MetricsSettings
from tests.conftest import ROOT

SETTINGS = MetricsSettings(map_images=10, strip_images=12, seed=0)
SCRIPT = "<img src=x onerror=alert(1)>"
NOT_UTF8 = b"caf\xe9".decode("utf-8", "surrogateescape")
RUNS, KEPT, DIM = 2, 1, 6
MANIFEST_SETTINGS = {
    "seed": 0,
    "model": "toy",
    "precision": "fp32",
    "geometry": {"size": 32, "resize": 32, "fit": "centre", "interpolation": "bicubic"},
    "augmentation": {
        "crop_probability": 0.5,
        "crop_area": [0.5, 1.0],
        "blur_probability": 0.5,
        "blur_sigma": [0.1, 2.0],
    },
}


def make_cell(
    root: Path,
    dataset: str = "toy",
    clusters: int = 3,
    classes: int = 3,
    splits: tuple[str, ...] = ("train", "test"),
    images: int = 24,
) -> Cell:
    """A cell below `root`, as the stages before leave it; without labels where there are no classes."""
    cell = Cell(
        dataset,
        "backbone",
        **{name: root / name / dataset for name in ("images", "features", "heads", "predictions", "evaluation")},
        labels=root / "labels" / f"{dataset}.csv",
        classes=root / "classes" / f"{dataset}.csv",
    )
    generator = np.random.default_rng(0)
    names = [split for split in splits for _ in range(images)]
    ids = [f"{split}/{row}" for row, split in enumerate(names)]
    ids[-3:] = ["ß'\"&", NOT_UTF8, SCRIPT]
    groups = np.arange(len(ids)) % max(classes, 1)
    centres = generator.normal(size=(max(clusters, classes), DIM)).astype(np.float32)
    views = (centres[groups][:, None] + generator.normal(size=(len(ids), 3, DIM))).astype(np.float16)

    cell.images.mkdir(parents=True)
    np.save(cell.images / "all.npy", generator.integers(0, 256, (len(ids), 9, 9, 3), np.uint8))
    write_list(
        cell.images,
        [
            ImageRecord(each, split, "all.npy", row, "")
            for row, (each, split) in enumerate(zip(ids, names, strict=True))
        ],
    )
    labels = [(each, f"class {group} <b>") for each, group in zip(ids, groups.tolist(), strict=True)]
    write_table(cell.labels, LABEL_COLUMNS, labels if classes else [])
    shards = {}
    for split in splits:
        rows = [row for row, each in enumerate(names) if each == split]
        path = cell.features / f"{split}-00000.h5"
        shards[split] = [write_shard(path, [ids[row] for row in rows], views[rows], "f" * 64)]
    Manifest(dataset, "backbone", "0" * 64, DIM, 2, MANIFEST_SETTINGS, shards).write(cell.features)

    centroids = Centroids(normalise(centres[:clusters]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models: dict[str, Model] = {
            "scp": HeadModel(Head(DIM, (4, 4, 4, 4), clusters)),
            "kmeans": centroids,
        }
    logits = centroids.logits(views[:, 0])
    history = [
        (run, float(step), *generator.random(len(TERMS) + 1).tolist()) for run in range(RUNS) for step in (1, 2, 3)
    ]
    for method, model in models.items():
        folder = cell.heads / method
        save_model(folder / HEAD, SavedModel(method, model, {"parts": [{"backbone": "b", "dim": DIM}]}))
        scp = method == "scp"
        write_table(folder / HISTORY, ("run", "step", *((*TERMS, "total") if scp else ())), history if scp else [])
        fit = read_params(ROOT / "params.yaml").fit
        given = asdict(fit.training) | asdict(settings_of(fit, method)) | {"balance_weight": 5.0}
        summary = {
            "settings": given,
            "seeds": [1, 2],
            "losses": [0.5, 0.25],
            "kept": KEPT,
            "clusters": clusters,
            "clusters_used": [1, 2],
        }
        write_json(folder / SUMMARY, {"method": method, **summary})
        assigned = np.stack([generator.integers(0, clusters, len(ids)), logits.argmax(1)], 1)
        write_predictions(cell.predictions / method, ids, names, logits, centroids.confidences(logits), assigned)
        evaluate(cell.predictions / method, cell.labels, cell.evaluation / method, "pipeline fit")
    return cell


def make_report(
    root: Path, *cells: Cell, settings: MetricsSettings = SETTINGS, methods: tuple[str, ...] = ("kmeans", "scp")
) -> str:
    files = (root / "metrics.json", root / "scores.json", root / "plots", root / "report")
    page = report(list(cells), methods, settings, *files, METHODS)
    assert page == root / "report" / PAGE
    return page.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text with single spaces."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # Not a style sheet.
            self.parts.append(data)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))
