"""Where the stages keep their files. dvc.yaml names the same paths; a test holds the two together."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.files import is_remote

DATA = Path("data")
RAW = DATA / "raw"
"""What is downloaded of data sets."""
FEATURES = DATA / "features"
NOUN_LISTS = DATA / "nouns"
"""WordNet's nouns as text towers embed them, a folder a backbone."""
NOUN_PARTS = DATA / "parts" / "nouns"
"""What outlasts an embedding of nouns that is stopped."""
SETTINGS = DATA / "settings"
"""What each method is given: a folder a data set, a file a method."""
METRICS = DATA / "metrics.json"
SCORES = DATA / "scores.json"
"""The means of the metrics' runs alone, for `dvc metrics show`."""
PLOTS = DATA / "plots"
REPORT = DATA / "report"
STUDIES = DATA / "studies"
VARIATIONS = DATA / "variations"
"""Results of other settings than params.yaml's, a folder each."""
FIGURES = DATA / "figures"
TABLES = DATA / "tables"
ESTIMATES = TABLES / "estimates"
ROBUSTNESS = STUDIES / "robustness"
"""The study of pictures that are not clean: caches, subsets, predictions and scores; its tables are elsewhere."""
LEADERBOARD = TABLES / "leaderboard"
RUNS = DATA / "runs"
"""How each result came about. No stage's output, as it has times in it."""


@dataclass(frozen=True)
class Cell:
    """A data set with a backbone, and its files."""

    dataset: str
    backbone: str
    images: Path
    labels: Path
    classes: Path
    features: Path
    heads: Path
    predictions: Path
    evaluation: Path
    kept: Path = Path("parts")
    """What outlasts a fit that is stopped. No stage's output, as DVC removes these before a stage runs."""


def cell_paths(dataset: str, backbone: str) -> Cell:
    """The files of a cell; images and labels are those of the data set, whatever the backbone."""
    return Cell(
        dataset,
        backbone,
        images=DATA / "images" / dataset,
        labels=DATA / "labels" / f"{dataset}.csv",
        classes=DATA / "classes" / f"{dataset}.csv",
        features=FEATURES / dataset / backbone,
        heads=DATA / "heads" / dataset / backbone,
        predictions=DATA / "predictions" / dataset / backbone,
        evaluation=DATA / "evaluation" / dataset / backbone,
        kept=DATA / "parts" / dataset / backbone,
    )


def study_paths(study: str, dataset: str, backbone: str, variant: str) -> Cell:
    """The files of one variant of a study on a cell: results of its own, all else is the cell's."""
    folder = STUDIES / study
    return replace(
        cell_paths(dataset, backbone),
        heads=folder / "heads" / dataset / backbone / variant,
        predictions=folder / "predictions" / dataset / backbone / variant,
        evaluation=folder / "evaluation" / dataset / backbone / variant,
        kept=folder / "parts" / dataset / backbone / variant,
    )


def study_features(study: str, dataset: str, backbone: str) -> Path:
    """The cache of a study that has one of its own."""
    return STUDIES / study / "features" / dataset / backbone


def run_file(stage: str, *names: str, study: str | None = None) -> Path:
    """How a stage's result came about: of a data set, a backbone, a variant of a study, as far as they are named."""
    folder = RUNS / study if study else RUNS
    return folder.joinpath(stage, *names[:-1], f"{names[-1]}.json") if names else folder / f"{stage}.json"


def extract_command(features: Path) -> str:
    """The command that fills a folder of features: of a cell, of a study, in a result of `pipeline cluster`, or in a
    root of its own.
    """
    if features.parent.name == "features" and features.parent.parent.name == "cache":
        return _cluster_command(features.parent.parent.parent)
    root = features.parent.parent
    if ROBUSTNESS.name in features.parts[-5:-3]:
        return f"pipeline disturb extract --dataset {root.name} --backbone {features.parent.name}"
    if not features.parent.name:
        return "pipeline extract"
    study, own = "", ""
    if not is_remote(root) and root.parent.parent.name == STUDIES.name:
        study = f" --study {root.parent.name}"
    elif is_remote(root) or (root.parent.name, root.name) != FEATURES.parts:
        own = f" --features {shlex.quote(str(root))}"
    return f"pipeline extract{study} --dataset {features.parent.name} --backbone {features.name}{own}"


def prepare_command(images: Path) -> str:
    """The command that makes an image list: of a data set, or in a result of `pipeline cluster`."""
    if images.name == "images" and images.parent.name == "cache":
        return _cluster_command(images.parent.parent)
    return f"pipeline prepare --dataset {images.name}"


def _cluster_command(folder: Path) -> str:
    return f"pipeline cluster THE_SAME_PICTURES --out {shlex.quote(str(folder))}"


def figure_folder(study: str | None, cell: Cell) -> Path:
    """The figures of a study on a cell, or of the cell itself."""
    return FIGURES / (study or "cells") / cell.dataset / cell.backbone
