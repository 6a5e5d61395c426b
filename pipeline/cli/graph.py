"""The commands of the main graph: prepare, extract, settings, fit, evaluate, metrics."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.cli.options import (
    CHECKS,
    BackboneOption,
    ChangesOption,
    DatasetOption,
    DeviceOption,
    FeaturesOption,
    MethodOption,
    StudyOption,
    bytes_of,
    engine_of,
)
from pipeline.cli.output import say
from pipeline.cli.project import (
    caches_of,
    dataset_of,
    fit_command,
    fits,
    jobs,
    only,
    read_cells,
    record_of,
    stage,
    title,
)
from pipeline.cli.variations import variation_of
from pipeline.config.paths import run_file
from pipeline.methods import find_entry

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def prepare(dataset: DatasetOption = None) -> None:
    """Data set -> list of images and, apart from it, labels."""
    settings, cells = read_cells(dataset, None)
    from pipeline.images.prepare import prepare

    for cell in {cell.dataset: cell for cell in cells}.values():
        found = dataset_of(cell.dataset, settings)
        entry = asdict(settings.datasets[cell.dataset])
        with stage(cell.images, run_file("prepare", cell.dataset), dataset=entry, prepare=asdict(settings.prepare)):
            typer.echo(prepare(found, cell.images, cell.labels, cell.classes))


def extract(
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = "auto",
    study: StudyOption = None,
    features: FeaturesOption = None,
    gpus: Annotated[
        str | None, typer.Option(help="Several GPUs of this machine, such as 0,1, in place of --device.")
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray: every shard is a task of a Ray cluster (the extra ray).")
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(help="Default: RAY_ADDRESS, or the Ray that runs on this machine, or one of its own."),
    ] = None,
    gpus_per_task: Annotated[
        float | None, typer.Option(min=0, help="With --engine ray: GPUs of a task, such as 1 or 0.5. Default: 0, CPU.")
    ] = None,
    cpus_per_task: Annotated[
        int | None, typer.Option(min=1, help="With --engine ray: cores of a task. Default: what torch would take here.")
    ] = None,
) -> None:
    """Images -> embeddings of one clean and K augmented views, through a frozen backbone, once.

    Ctrl-C and SIGTERM stop it after the batch in work (exit codes 130 and 143); a lost terminal does not. However it
    was stopped, the same command goes on from the last finished shard and ends with the same bytes.

    With --engine ray the pictures and --features must lie where every node finds them.
    """
    settings, cells = read_cells(dataset, backbone, study)
    devices, ready = engine_of(engine, device, gpus, ray_address, gpus_per_task, cpus_per_task)
    chosen = devices[0]
    from pipeline.backbones.registry import get_backbone
    from pipeline.backbones.weights import find_weights, weights_are_here
    from pipeline.config.names import parts_of
    from pipeline.extraction.extract import extract
    from pipeline.extraction.timings import note
    from pipeline.features.cache import write_mix

    # What cannot be fetched is said before anything is asked for, or computed in hours.
    for name in dict.fromkeys(part for cell in cells for part in parts_of(cell.backbone)):
        if not weights_are_here(get_backbone(name)):
            find_weights(get_backbone(name))
    extract_settings, folders = caches_of(settings, cells, study, features)
    if gpus_per_task and extract_settings.precision == "auto":
        # Nodes that chose for themselves could choose differently.
        extract_settings = replace(extract_settings, precision="bf16")
    filled: set[Path] = set()
    with ready as make:
        for cell, folder in zip(cells, folders, strict=True):
            parts = parts_of(cell.backbone)
            for name in parts:
                if folder.with_name(name) in filled:
                    continue
                filled.add(folder.with_name(name))
                about = settings.datasets[cell.dataset]
                model = get_backbone(name).seeing(about.geometry, about.image_size)
                cache = folder.with_name(name)
                record = run_file("extract", cell.dataset, name, study=study)
                # Over Ray the devices are other machines'.
                own = chosen if engine == "local" else "cpu"
                seen = {"image_size": about.image_size, "geometry": about.geometry}
                with stage(cache, record, own, extract=asdict(extract_settings), **seen) as run:
                    timings = extract(cell.dataset, model, cell.images, cache, extract_settings, chosen, make)
                    note(run, timings)
                typer.echo(f"{cell.dataset} x {name}: {timings.line(', '.join(devices))}")
            if len(parts) > 1:
                typer.echo(f"{cell.dataset} x {cell.backbone}: {write_mix(folder).dim} dimensions")


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
    check: Annotated[
        str,
        typer.Option(
            help="Before the first fit. quick: all shards are there with their sizes; full: their bits are right too."
        ),
    ] = CHECKS[0],
    memory: Annotated[
        str | None,
        typer.Option(
            envvar="PIPELINE_MEMORY",
            help="What the process may take, such as 2GB. If the embeddings need more, heads on pairs of views read "
            "them from the disk while they train, and other methods are fitted to a sample. Without it all are read.",
        ),
    ] = None,
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
    from pipeline.config.devices import check_device, pick_device
    from pipeline.experiments.studies import get_study

    if study and get_study(study).text:
        raise PipelineError(f"--study {study}: there is nothing to fit; run 'pipeline {study}'")
    check_device(device)
    for name in () if study else settings.fit.methods:
        find_entry(name, "params.yaml: fit.methods")
    from pipeline.features.cache import open_features
    from pipeline.methods.fit import fit
    from pipeline.methods.given import fittable

    for _, variant in jobs(settings, cells[:1], study):
        fittable(variant.fit)
    chosen = pick_device(device)
    extract_settings, folders = caches_of(settings, cells, study, features)
    caches = {(cell.dataset, cell.backbone): folder for cell, folder in zip(cells, folders, strict=True)}
    for folder in folders:
        open_features(folder).check(full=check == "full")
    for cell, variant, names in fits(settings, cells, study, variation):
        dataset_settings = settings.datasets[cell.dataset]
        if variant.balance_weight is not None:
            dataset_settings = replace(dataset_settings, balance_weight=variant.balance_weight)
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
            )
        for summary in summaries:
            typer.echo(f"{title(cell, study, variant)}: {summary.line()}")
    if variation:
        typer.echo(f"results: {variation.folder}; 'pipeline evaluate {variation.options}' scores them")


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
    from pipeline.evaluation.evaluate import evaluate, lines
    from pipeline.heads.predictions import predicted_methods

    for cell, variant, names in fits(settings, cells, study, variation):
        again = fit_command(cell, study, None if study else names[0], variation)
        if study:
            names = tuple(predicted_methods(cell.predictions, again))
            only(names, cell)
        own, title_of = (cell.evaluation, variant.name) if study else (cell.evaluation / names[0], names[0])
        with stage(own, record_of("evaluate", cell, study, title_of, variation)):
            scores = {
                name: evaluate(cell.predictions / name, cell.labels, cell.evaluation / name, again) for name in names
            }
        for line in lines(scores):
            typer.echo(f"{title(cell, study, variant)}: {line}")


def metrics(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """All cells -> the metrics, the plots and the page."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.config.paths import METRICS, PLOTS, REPORT, SCORES
    from pipeline.methods import METHODS
    from pipeline.report.metrics import report

    methods = settings.fit.methods
    with stage(REPORT, run_file("metrics"), metrics=asdict(settings.metrics)):
        page = report(cells, methods, settings.metrics, METRICS, SCORES, PLOTS, REPORT, METHODS)
    say(f"page: {page}")
