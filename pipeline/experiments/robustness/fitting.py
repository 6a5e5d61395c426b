"""Fits every method to clean and to other pictures, and writes each picture's cluster in every run. No labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_file, sha256_of_json, write_json
from pipeline.collection.fitting import suited
from pipeline.collection.settings import ClusterSettings
from pipeline.config import disturbed
from pipeline.config.params import plain
from pipeline.config.settings import DatasetSettings
from pipeline.experiments.robustness.trials import Trial, corruptions, fitted_with, subsets_of, trials
from pipeline.experiments.settings import RobustnessStudy
from pipeline.features.cache import Features, open_features
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.heads.problem import Model, Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings
from pipeline.methods import get_method
from pipeline.methods.ended import decided_by_machine

MOST_COPIES = 10


@dataclass(frozen=True)
class Pictures:
    """A cache in memory, the splits one after the other."""

    ids: list[str]
    views: np.ndarray
    """float16 (images, 1 + views, dim)."""
    fingerprint: str

    @classmethod
    def of(cls, folder: Path) -> Pictures:
        """Reads a cache."""
        features: Features = open_features(folder)
        read = [features.read(split) for split in features.splits]
        ids = [image_id for split in read for image_id in split.ids]
        return cls(ids, np.concatenate([split.views for split in read]), features.fingerprint)

    @property
    def clean(self) -> np.ndarray:
        """float32 (images, dim)."""
        return self.views[:, 0].astype(np.float32)


Models = dict[str, list[Model]]
"""Of each method its runs'."""


@dataclass(frozen=True)
class Marks:
    """What the tables of each fit were made from: no output, as code, libraries and machine decide it too."""

    folder: Path
    out: Path
    """Where the tables are."""

    def is_done(self, name: str, made_from: Any) -> bool:
        """Whether a fit's tables are there as it left them, and made from this."""
        path = self.folder / f"{name}.json"
        return path.is_file() and read_json(path, "") == self._mark(made_from, read_json(path, "").get("tables", ()))

    def write(self, name: str, made_from: Any, tables: Iterable[str]) -> None:
        """Says that a fit has left its tables."""
        write_json(self.folder / f"{name}.json", self._mark(made_from, tables))

    def _mark(self, made_from: Any, tables: Iterable[str]) -> dict[str, Any]:
        paths = {name: self.out / f"{name}.csv" for name in tables}
        found = {name: sha256_of_file(path) if path.is_file() else "" for name, path in paths.items()}
        return {"made_from": sha256_of_json(made_from), "tables": found}


@dataclass(frozen=True)
class Study:
    """What all fits of a cell have in common."""

    settings: RobustnessStudy
    fit: FitSettings
    cluster: ClusterSettings
    dataset: DatasetSettings
    device: str
    out: Path
    marks: Marks
    progress: Callable[[str], None]

    def models(self, views: np.ndarray, runs: int, clusters: int) -> Models:
        """Every method fitted to views, float16 (images, 1 + views, dim), as a collection of so many pictures is."""
        near = Neighbours(lambda: unit_length(views[:, 0].astype(np.float32)))
        about = replace(self.dataset, clusters=clusters)
        first = Problem(views, self.fit, about, self.device, lambda _: None, given_near=near)
        found = {}
        for label, (method, fit) in fitted_with(self.settings, self.fit).items():
            self.progress(label)
            problem = replace(first, settings=suited(fit, self.cluster, method, len(views), clusters))
            found[label] = [run.model for run in get_method(method).fit(problem, run_seeds(fit.seed, runs))]
        return found

    def write(self, name: str, ids: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
        """A table: a row for each picture."""
        write_table(self.out / f"{name}.csv", ("id", *columns), zip(ids, *columns.values(), strict=True))


def columns_of(models: Models, embeddings: np.ndarray) -> dict[str, np.ndarray]:
    """The clusters that every run of each method assigns to embeddings, float32 (n, dim)."""
    return {
        f"{label}:{run}": model.logits(embeddings).argmax(1)
        for label, each in models.items()
        for run, model in enumerate(each)
    }


def confidences_of(models: Models, embeddings: np.ndarray) -> dict[str, np.ndarray]:
    """The same of the confidence in it, 0..1."""
    return {
        f"{label}:{run}": model.confidences(model.logits(embeddings)).max(1).round(6)
        for label, each in models.items()
        for run, model in enumerate(each)
    }


def fit_robustness(
    caches: Path,
    others: Mapping[str, Path],
    subsets: Path,
    settings: RobustnessStudy,
    fit: FitSettings,
    cluster: ClusterSettings,
    dataset: DatasetSettings,
    device: str,
    out: Path,
    kept: Path,
    progress: Callable[[str], None],
) -> int:
    """Fits all that is missing; a fit that is there and made from the same is kept.

    Args:
        caches: of the cell, a folder for the clean pictures and one for each corruption.
        others: the clean caches of data sets with the same classes, by name.
        subsets: the table of uneven subsets.
        settings: of the study.
        fit: of the methods.
        cluster: of collections, as which all pictures are fitted: few ones take smaller batches and ensembles.
        dataset: its number of clusters.
        device: ``cpu`` or a CUDA device.
        out: the folder for the tables.
        kept: the folder for the marks of what is finished.
        progress: takes a short text that tells how far it is.

    Returns:
        how many fits were made.

    Raises:
        PipelineError: if a cache or a table is missing, or the subsets are not those of the study.
    """
    study = Study(settings, fit, cluster, dataset, device, out, Marks(kept, out), progress)
    clean = Pictures.of(caches / disturbed.CLEAN)
    corrupted = {each.name: Pictures.of(caches / each.name) for each in corruptions(settings)}
    members = _members(subsets, settings, clean.ids)
    common = {
        "dataset": plain(dataset),
        "methods": {
            label: suited(each, cluster, method, len(clean.ids), dataset.clusters).plain()
            for label, (method, each) in fitted_with(settings, fit).items()
        },
        "clean": clean.fingerprint,
        **decided_by_machine(device),
        "trials": sha256_of_file(Path(__file__)),
    }
    fits = int(_fit_clean(study, clean, corrupted, others, {**common, "runs": settings.runs}))
    for trial in trials(settings):
        fingerprint = corrupted[trial.corruption.name].fingerprint if trial.corruption else ""
        chosen = sorted(members.get(trial.subset, ()))
        made_from = {**common, "trial": plain(trial), "corrupted": fingerprint, "members": chosen}
        made_from |= {"runs": settings.refit_runs, "seed": settings.seed}
        made_from |= {
            "share": {disturbed.SUBSAMPLE: settings.subsample, disturbed.COPIES: settings.copied}.get(trial.axis)
        }
        is_unknown = bool(trial.subset) and not chosen  # There are no labels.
        if is_unknown or study.marks.is_done(trial.name, made_from):
            continue
        _fit_trial(study, trial, clean, corrupted, chosen)
        study.marks.write(trial.name, made_from, [trial.name])
        fits += 1
    _remove_others(out, settings, others)
    return fits


def _members(subsets: Path, settings: RobustnessStudy, ids: Sequence[str]) -> dict[str, set[str]]:
    """The ids in each uneven subset; none where there are no labels.

    Raises:
        PipelineError: if they are others than the study asks for now.
    """
    again = "pipeline disturb subsets"
    found: dict[str, set[str]] = {}
    known = set(ids)
    for row in read_table(subsets, disturbed.SUBSET_COLUMNS, again):
        found.setdefault(row["subset"], set()).add(row["id"])
        if row["seed"] != str(settings.seed) or row["id"] not in known:
            raise PipelineError(f"{subsets}: made with another seed or of other pictures; run '{again}'")
    if found and set(found) != set(subsets_of(settings)):
        wanted = ", ".join(subsets_of(settings))
        raise PipelineError(f"{subsets}: expected the subsets {wanted}, found {', '.join(found)}; run '{again}'")
    return found


def _fit_clean(
    study: Study,
    clean: Pictures,
    corrupted: Mapping[str, Pictures],
    others: Mapping[str, Path],
    made_from: dict[str, Any],
) -> bool:
    """The fit to the clean pictures, which predicts all others."""
    shifted = {name: Pictures.of(folder) for name, folder in others.items()}
    made_from = {**made_from, "corrupted": {name: each.fingerprint for name, each in {**corrupted, **shifted}.items()}}
    if study.marks.is_done(disturbed.CLEAN, made_from):
        return False
    models = study.models(clean.views, study.settings.runs, study.dataset.clusters)
    study.write(disturbed.CLEAN, clean.ids, columns_of(models, clean.clean))
    study.write(disturbed.CONFIDENCE, clean.ids, confidences_of(models, clean.clean))
    predicted = {f"{disturbed.PREDICTED}_{name}": pictures for name, pictures in corrupted.items()}
    predicted |= {f"{disturbed.SHIFTED}_{name}": pictures for name, pictures in shifted.items()}
    for name, pictures in predicted.items():
        study.write(name, pictures.ids, columns_of(models, pictures.clean))
    study.marks.write(disturbed.CLEAN, made_from, (disturbed.CLEAN, disturbed.CONFIDENCE, *predicted))
    return True


def _fit_trial(
    study: Study, trial: Trial, clean: Pictures, corrupted: Mapping[str, Pictures], chosen: Sequence[str]
) -> None:
    """A fit to other pictures, or with another number of clusters; it assigns those that it was fitted to."""
    rng = np.random.default_rng(study.settings.seed)
    views, rows = clean.views, np.arange(len(clean.ids))
    more: dict[str, np.ndarray] = {}
    if trial.corruption is not None:
        marked = rng.permutation(len(rows)) < round(trial.share * len(rows))
        views = np.where(marked[:, None, None], corrupted[trial.corruption.name].views, views)
        more = {disturbed.MARK: marked.astype(int)}
    elif trial.subset:
        rows = np.flatnonzero(np.isin(clean.ids, chosen))
    elif trial.axis == disturbed.SUBSAMPLE:
        rows = np.sort(rng.permutation(len(rows))[: round(study.settings.subsample * len(rows))])
    clusters = min(max(2, round(study.dataset.clusters * trial.factor)), len(rows))
    fitted_rows = rows
    if trial.axis == disturbed.COPIES:
        copied = rng.permutation(len(rows))[: round(study.settings.copied * len(rows))]
        fitted_rows = np.concatenate([rows, copied.repeat(rng.integers(1, MOST_COPIES + 1, len(copied)))])
    study = replace(study, progress=partial(_told, study.progress, trial.name))
    models = study.models(views[fitted_rows], study.settings.refit_runs, clusters)
    assigned = columns_of(models, views[rows, 0].astype(np.float32))
    study.write(trial.name, [clean.ids[row] for row in rows], {**{k: v[rows] for k, v in more.items()}, **assigned})


def _told(progress: Callable[[str], None], name: str, text: str) -> None:
    progress(f"{name}, {text}")


def _remove_others(out: Path, settings: RobustnessStudy, others: Mapping[str, Path]) -> None:
    """Removes tables of what the study does not ask for any more."""
    names = {disturbed.CLEAN, disturbed.CONFIDENCE, *(trial.name for trial in trials(settings))}
    names |= {f"{disturbed.PREDICTED}_{each.name}" for each in corruptions(settings)}
    names |= {f"{disturbed.SHIFTED}_{name}" for name in others}
    for path in out.glob("*.csv"):
        if path.stem not in names:
            path.unlink()
