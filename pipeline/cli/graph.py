"""The commands of the main graph: prepare, extract, metrics."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    BackboneOption,
    DatasetOption,
    DeviceOption,
    FeaturesOption,
    StudyOption,
    engine_of,
)
from pipeline.cli.output import say
from pipeline.cli.project import (
    caches_of,
    dataset_of,
    jobs,
    read_cells,
    stage,
)
from pipeline.config.paths import run_file

if TYPE_CHECKING:
    from pathlib import Path


def prepare(dataset: DatasetOption = None) -> None:
    """Data set -> list of images and, apart from it, labels."""
    settings, cells = read_cells(dataset, None)
    from pipeline.cli.upstream import images_from
    from pipeline.images.prepare import prepare

    for cell in {cell.dataset: cell for cell in cells}.values():
        found = dataset_of(cell.dataset, settings)
        entry = asdict(settings.datasets[cell.dataset])
        with stage(cell.images, run_file("prepare", cell.dataset), dataset=entry, prepare=asdict(settings.prepare)):
            made_from = images_from(settings, cell.dataset)
            typer.echo(prepare(found, cell.images, cell.labels, cell.classes, made_from))


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
    from pipeline.cli.upstream import Upstream
    from pipeline.config.names import parts_of
    from pipeline.images.changed import check_files

    for cell in {cell.dataset: cell for cell in cells}.values():
        Upstream(settings).images(cell)
        check_files(cell.images)
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


def metrics(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """All cells -> the metrics, the plots and the page."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.cli.upstream import Upstream
    from pipeline.config.paths import METRICS, PLOTS, REPORT, SCORES
    from pipeline.methods import METHODS
    from pipeline.report.metrics import report

    methods = settings.fit.methods
    upstream = Upstream(settings)
    for cell, variant in jobs(settings, cells, None):
        upstream.scores(cell, variant, methods, cached=True)
    with stage(REPORT, run_file("metrics"), metrics=asdict(settings.metrics)):
        page = report(cells, methods, settings.metrics, METRICS, SCORES, PLOTS, REPORT, METHODS)
    say(f"page: {page}")
