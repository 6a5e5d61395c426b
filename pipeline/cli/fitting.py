"""The commands of the main graph that work with methods: settings, fit, evaluate."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.cli.options import (
    CHECKS,
    BackboneOption,
    ChangesOption,
    CheckOption,
    DatasetOption,
    DeviceOption,
    FeaturesOption,
    LiveOption,
    MemoryOption,
    MethodOption,
    StudyOption,
    bytes_of,
)
from pipeline.cli.project import (
    caches_of,
    fit_command,
    fits,
    names_methods,
    nouns_of,
    only,
    read_cells,
    reads_class_names,
    record_of,
    stage,
    title,
)
from pipeline.cli.variations import variation_of
from pipeline.config.paths import run_file
from pipeline.methods import find_entry

if TYPE_CHECKING:
    from typing import Any

    from pipeline.config.paths import Cell


def settings(dataset: DatasetOption = None) -> None:
    """Parameters -> what each method is given of them, a file each: so a changed value makes its own fits stale."""
    given, cells = read_cells(dataset, None)
    from pipeline.config.paths import SETTINGS
    from pipeline.methods.settings import write_settings

    for name in dict.fromkeys(cell.dataset for cell in cells):
        with stage(SETTINGS / name, run_file("settings", name)):
            methods = write_settings(given.fit, given.datasets[name], SETTINGS / name)
        typer.echo(f"{name}: {', '.join(methods)}")


def fit(
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    method: MethodOption = None,
    device: DeviceOption = "auto",
    study: StudyOption = None,
    changes: ChangesOption = None,
    features: FeaturesOption = None,
    check: CheckOption = CHECKS[0],
    memory: MemoryOption = None,
    live: LiveOption = None,
) -> None:
    """Embeddings -> heads, and a cluster for every image.

    Each run is kept as it ends. However a fit was stopped, the same command computes the runs that are missing and ends
    with the same bytes.

    A shard's SHA-256 is checked whenever it is read; --check full finds a damaged one of the last cell before the first
    is fitted.
    """
    variation = variation_of(changes, study)
    if check not in CHECKS:
        raise unknown("check", check, CHECKS, "--check")
    most = None if memory is None else bytes_of(memory)
    settings, cells = read_cells(dataset, backbone, study, method, changes)
    from pipeline.base.live import check_live, live_log
    from pipeline.config.devices import check_device, pick_device

    if study and reads_class_names(study):
        raise PipelineError(f"--study {study}: there is nothing to fit; run 'pipeline {study}'")
    check_device(device)
    check_live(live)
    for name in () if study else settings.fit.methods:
        find_entry(name, "params.yaml: fit.methods")
    from pipeline.base.kept import forget
    from pipeline.cli.upstream import Upstream, weighted
    from pipeline.features.cache import open_features
    from pipeline.methods.fit import fit
    from pipeline.methods.given import fittable

    todo = list(fits(settings, cells, study, variation))
    for cell, variant, names in todo:
        fittable(replace(variant.fit, methods=names), names_methods(settings, study))
        nouns_of(cell, names)
    chosen = pick_device(device)
    extract_settings, folders = caches_of(settings, cells, study, features)
    caches = {(cell.dataset, cell.backbone): folder for cell, folder in zip(cells, folders, strict=True)}
    upstream = Upstream(settings, study, variation, features)
    fitted_to = {(cell.dataset, cell.backbone) for cell, *_ in todo}
    for cell, folder in zip(cells, folders, strict=True):
        if (cell.dataset, cell.backbone) in fitted_to:
            upstream.features(cell)
            open_features(folder).check(full=check == "full")
    fitted: list[tuple[Cell, tuple[str, ...]]] = []
    for cell, variant, names in todo:
        dataset_settings = weighted(settings.datasets[cell.dataset], variant)
        fitting = replace(variant.fit, methods=names)
        given = {"fit": fitting.plain(), "dataset": asdict(dataset_settings), "views": variant.views}
        given |= {"memory": most} if most else {}
        # A method of the graph is a stage of its own; a study is one, with all that belongs to it.
        own, title_of = (cell.heads, variant.name) if study else (cell.heads / names[0], names[0])
        with stage(own, record_of("fit", cell, study, title_of, variation), chosen, **given) as run:
            summaries = fit(
                cell.dataset,
                caches[cell.dataset, cell.backbone],
                cell.heads,
                cell.predictions,
                fitting,
                extract_settings,
                dataset_settings,
                chosen,
                variant.views,
                variant.steps,
                most,
                cell.kept,
                beside=study is None,
                told=partial(_note, run.notes),
                log=live_log(live, study, cell.dataset, cell.backbone, title_of),
                nouns=nouns_of(cell, names),
            )
            if study:
                only(names, cell)
        fitted.append((cell, names))
        for summary in summaries:
            typer.echo(f"{title(cell, study, variant)}: {summary.line()}")
    # Not before: the same command takes what was finished from there, if it is stopped at a later one.
    for cell, names in fitted:
        forget(cell.kept, None if study else names)
    if variation:
        chosen_by = (("--dataset", dataset), ("--backbone", backbone), ("--method", method))
        words = [word for name, values in chosen_by for value in values or () for word in (name, value)]
        command = " ".join(["pipeline evaluate", *words, variation.options])
        typer.echo(f"results: {variation.folder}; '{command}' scores them")


def _note(notes: dict[str, Any], method: str, computed: int, kept: int) -> None:
    notes.setdefault("runs", {})[method] = {"computed": computed, "kept": kept}


def evaluate(
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    method: MethodOption = None,
    study: StudyOption = None,
    changes: ChangesOption = None,
) -> None:
    """Predictions and labels -> ACC, NMI and ARI; no other stage of the graph reads a label."""
    variation = variation_of(changes, study)
    settings, cells = read_cells(dataset, backbone, study, method, changes)
    for name in () if study else settings.fit.methods:
        find_entry(name, "params.yaml: fit.methods")
    from pipeline.cli.upstream import Upstream
    from pipeline.evaluation.evaluate import evaluate, lines

    upstream = Upstream(settings, study, variation)
    for cell, variant, names in fits(settings, cells, study, variation):
        again = fit_command(cell, study, None if study else names[0], variation)
        upstream.predictions(cell, variant, names)
        if study:
            only(names, cell)
        own, title_of = (cell.evaluation, variant.name) if study else (cell.evaluation / names[0], names[0])
        with stage(own, record_of("evaluate", cell, study, title_of, variation)):
            scores = {
                name: evaluate(cell.predictions / name, cell.labels, cell.evaluation / name, again) for name in names
            }
        for line in lines(scores):
            typer.echo(f"{title(cell, study, variant)}: {line}")
