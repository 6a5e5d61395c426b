"""The command of the study of robustness: its parts, which are stages, or all of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.cli.options import BackboneOption, DatasetOption, DeviceOption
from pipeline.cli.project import read_cells, stage
from pipeline.config.disturbed import CLEAN, SHIFTED
from pipeline.config.names import parts_of
from pipeline.config.paths import ROBUSTNESS, Cell, cell_paths, run_file

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.cli.settings import Settings
    from pipeline.config.settings import ExtractSettings

PARTS = ("extract", "subsets", "fit", "evaluate", "tables")
NAME = ROBUSTNESS.name


def disturb(
    part: Annotated[
        str, typer.Argument(help="extract, subsets, fit, evaluate or tables; all: one after the other.")
    ] = "all",
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Pictures corrupted, occluded, uneven, of another domain, wrong numbers of clusters -> what clusterings are worth.

    What it will cost is said before it starts; what is finished is kept.
    """
    if part not in (*PARTS, "all"):
        raise unknown("part", part, (*PARTS, "all"), "disturb")
    settings, cells = read_cells(dataset, backbone)
    if any(len(parts_of(cell.backbone)) > 1 for cell in cells):
        raise PipelineError("disturb: expected single backbones, found a mix; name its parts one by one")
    from pipeline.config.devices import check_device, pick_device
    from pipeline.experiments.robustness.cost import cost

    _check(settings)
    check_device(device)
    chosen = pick_device(device)
    steps = {"extract": _extract, "subsets": _subsets, "fit": _fit, "evaluate": _evaluate}
    for name in PARTS if part == "all" else (part,):
        if name in ("extract", "fit"):
            typer.echo(cost(name, settings.studies.robustness, settings.fit, len(cells)), err=True)
        if name == "tables":
            _tables(cells, settings)
            continue
        for cell in cells:
            steps[name](cell, settings, chosen)


def _check(settings: Settings) -> None:
    """Refuses names of nothing before anything is computed."""
    from pipeline.config.params import PARAMS
    from pipeline.extraction.corruptions import KINDS
    from pipeline.methods import METHODS

    study, key = settings.studies.robustness, f"{PARAMS}: studies.{NAME}"
    if settings.extract.corruption is not None:
        raise PipelineError(f"{PARAMS}: extract.corruption: the study corrupts the pictures itself; remove it")
    if len(set(study.severities)) < len(study.severities):
        raise PipelineError(f"{key}.severities: expected no number twice, found {list(study.severities)}")
    places = {"methods": f"{key}.methods" if study.methods else f"{PARAMS}: fit.methods"}
    known = {
        "kinds": ("corruption", study.kinds, [*KINDS]),
        "refitted": (
            "corruption",
            study.refitted,
            [f"{kind}-{each}" for kind in study.kinds for each in study.severities],
        ),
        "methods": (
            "method",
            study.methods or settings.fit.methods,
            [name for name, entry in METHODS.items() if not entry.text],
        ),
        "shifts": ("data set", (name for pair in study.shifts for name in pair), [*settings.datasets]),
    }
    for what, (kind, names, there) in known.items():
        for name in names:
            if name not in there:
                raise unknown(kind, name, there, places.get(what, f"{key}.{what}"))


def _place(what: str, cell: Cell) -> Path:
    return ROBUSTNESS / what / cell.dataset / cell.backbone


def _extract(cell: Cell, settings: Settings, device: str) -> None:
    from pipeline.backbones.registry import get_backbone
    from pipeline.base.files import remove_others
    from pipeline.cli.upstream import Upstream
    from pipeline.experiments.robustness.trials import check_enough
    from pipeline.extraction.extract import extract
    from pipeline.images.changed import check_files
    from pipeline.images.listing import read_list, sample

    Upstream(settings).images(cell)
    check_files(cell.images)
    study = settings.studies.robustness
    records = sample(read_list(cell.images), study.images)
    about = settings.datasets[cell.dataset]
    check_enough(study, len(records), about.clusters)
    model = get_backbone(cell.backbone).seeing(about.geometry, about.image_size)
    folder = _place("features", cell)
    record = run_file("extract", cell.dataset, cell.backbone, study=NAME)
    wanted = _caches(settings)
    with stage(folder, record, device, robustness=asdict(study)):
        remove_others(folder, list(wanted))
        for name, given in wanted.items():
            timings = extract(cell.dataset, model, cell.images, folder / name, given, device, records=records)
            typer.echo(f"{cell.dataset} x {cell.backbone}, {name}: {timings.line(device)}")


def _caches(settings: Settings) -> dict[str, ExtractSettings]:
    """What each cache of a cell is made with; what is not fitted needs no augmented views."""
    from pipeline.experiments.robustness.trials import corruptions

    study = settings.studies.robustness
    wanted = {CLEAN: None, **{each.name: each for each in corruptions(study)}}
    views = dict.fromkeys((CLEAN, *study.refitted), study.views)
    return {
        name: replace(settings.extract, views=views.get(name, 0), corruption=corruption)
        for name, corruption in wanted.items()
    }


def _subsets(cell: Cell, settings: Settings, _: str) -> None:
    from pipeline.evaluation.subsets import write_subsets
    from pipeline.experiments.robustness.trials import subsets_of

    study = settings.studies.robustness
    write_subsets(cell.images, cell.labels, study.images, subsets_of(study), study.seed, _subset_table(cell))


def _command(part: str, cell: Cell) -> str:
    return f"pipeline disturb {part} --dataset {cell.dataset} --backbone {cell.backbone}"


def _subset_table(cell: Cell) -> Path:
    return ROBUSTNESS / "subsets" / f"{cell.dataset}.csv"


def _fit(cell: Cell, settings: Settings, device: str) -> None:
    from pipeline.base.made_from import write_made_from
    from pipeline.base.progress import progress_line
    from pipeline.cli.upstream import Upstream, robustness_from
    from pipeline.experiments.robustness.fitting import fit_robustness

    study = settings.studies.robustness
    shifts = [pair for pair in study.shifts if cell.dataset in pair] if SHIFTED in study.axes else []
    others = {}
    for other in (name for pair in shifts for name in pair if name != cell.dataset):
        if other in settings.run.datasets:
            others[other] = _place("features", replace(cell, dataset=other)) / CLEAN
        else:
            typer.echo(f"{cell.dataset}: the shift to {other} is left out, as run.datasets has it not", err=True)
    upstream, caches = Upstream(settings), _caches(settings)
    for name, wanted in caches.items():
        upstream.disturbed(cell, _place("features", cell) / name, wanted, study.images)
    for name, place in others.items():
        upstream.disturbed(cell_paths(name, cell.backbone), place, caches[CLEAN], study.images)
    folder = _place("predictions", cell)
    record = run_file("fit", cell.dataset, cell.backbone, study=NAME)
    with stage(folder, record, device, robustness=asdict(study)):
        fits = fit_robustness(
            _place("features", cell),
            others,
            _subset_table(cell),
            study,
            settings.fit,
            settings.cluster,
            settings.datasets[cell.dataset],
            device,
            folder,
            _place("parts", cell),
            progress_line(f"{cell.dataset} x {cell.backbone}"),
        )
        write_made_from(folder, robustness_from(settings, cell.dataset))
    typer.echo(f"{cell.dataset} x {cell.backbone}: {fits} fits of each method, the others were there")


def _evaluate(cell: Cell, settings: Settings, _: str) -> None:
    from pipeline.base.made_from import digest_of_folder, write_made_from
    from pipeline.cli.upstream import Upstream
    from pipeline.evaluation.robustness import evaluate_robustness

    predictions, out = _place("predictions", cell), _place("evaluation", cell)
    made_from = Upstream(settings).robustness(cell, predictions, _command("fit", cell))
    scores = evaluate_robustness(predictions, cell.labels.parent, cell.dataset, out)
    write_made_from(out, {**made_from, "predictions": digest_of_folder(predictions)})
    typer.echo(f"{cell.dataset} x {cell.backbone}: {scores:,} scores")


def _tables(cells: list[Cell], settings: Settings) -> None:
    from pipeline.base.made_from import digest_of_folder
    from pipeline.cli.upstream import Upstream
    from pipeline.config.paths import TABLES
    from pipeline.experiments.robustness.tables import write_tables

    out = TABLES / NAME
    for cell in cells:
        evaluation, predictions = _place("evaluation", cell), _place("predictions", cell)
        made_from = Upstream(settings).robustness(cell, evaluation, _command("evaluate", cell))
        if predictions.is_dir() and made_from.get("predictions") != digest_of_folder(predictions):
            raise PipelineError(
                f"{evaluation}: made from other predictions than there now are; run '{_command('evaluate', cell)}'"
            )
    places = [(cell, _place("evaluation", cell)) for cell in cells]
    typer.echo(write_tables(places, settings.studies.robustness, settings.extract.seed, out))
    typer.echo(f"written: {out / 'robustness.html'}", err=True)
