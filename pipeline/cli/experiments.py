"""The commands of the experiments beside the main graph: nouns, zero-shot, tables, trial, compare, systems,
theorem, figures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.options import BackboneOption, DatasetOption, DeviceOption, StudyOption
from pipeline.cli.project import (
    LEFT_OUT,
    chosen_studies,
    fit_command,
    has_text_tower,
    jobs,
    made_by,
    read_cells,
    record_of,
    stage,
    variants_of,
    without_text_tower,
)
from pipeline.config.paths import run_file


def nouns(
    backbone: BackboneOption = None,
    device: DeviceOption = "auto",
    skip: Annotated[
        bool, typer.Option("--skip", help="Leave out what --backbone names without a text tower, as the graph does.")
    ] = False,
) -> None:
    """WordNet -> its nouns as a backbone's text tower embeds them, once: what TAC and SIC read.

    It takes minutes on a GPU and hours on a processor. What is embedded is kept, and the same command goes on from
    there; where all is there, it leaves it as it is. Of the backbones of params.yaml those without a text tower are
    left out; where none has one, or --backbone names one without, it is refused.
    """
    _, cells = read_cells(None, backbone)
    from pipeline.backbones.registry import get_backbone
    from pipeline.base.progress import progress_line
    from pipeline.config.devices import check_device, pick_device
    from pipeline.config.paths import NOUN_LISTS, NOUN_PARTS
    from pipeline.experiments.nouns import nouns

    check_device(device)
    chosen, names = pick_device(device), dict.fromkeys(cell.backbone for cell in cells)
    without = [name for name in names if not has_text_tower(name)]
    if without and not skip and (backbone or len(without) == len(names)):
        raise without_text_tower(without[0], "nouns are texts")
    for name in names:
        folder = NOUN_LISTS / name
        if name in without:
            typer.echo(f"{name}: {LEFT_OUT}")
            if skip:
                folder.mkdir(parents=True, exist_ok=True)  # The stage's output in the graph.
            continue
        with stage(folder, run_file("nouns", name), chosen):
            line = nouns(get_backbone(name), folder, NOUN_PARTS / name, chosen, progress_line(name))
        typer.echo(f"{name}: {line}")


def zero_shot(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """CLIP's classification by the names of the classes: the one method that reads these."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.backbones.registry import get_backbone
    from pipeline.cli.upstream import Upstream
    from pipeline.experiments.zero_shot import NAME, zero_shot

    upstream = Upstream(settings)
    for cell, variant in jobs(settings, cells, NAME):
        upstream.features(cell)
        model = get_backbone(cell.backbone)
        record = record_of("fit", cell, NAME, variant.name)
        with stage(cell.heads, record, zero_shot=asdict(settings.zero_shot)):
            line = zero_shot(model, cell.features, cell.classes, cell.heads, cell.predictions, settings.zero_shot)
        typer.echo(f"{cell.dataset} x {cell.backbone}: {line}")


def tables(dataset: DatasetOption = None, backbone: BackboneOption = None, study: StudyOption = None) -> None:
    """The scores of the studies -> tables; of the repeats, beside the published results."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.experiments.studies import STUDIES, with_tables

    names = chosen_studies(study, with_tables())
    from pipeline.config.paths import TABLES as FOLDER
    from pipeline.experiments.tables import tables
    from pipeline.methods import METHODS

    for name in names:
        beside = STUDIES[name].beside
        others = variants_of(settings, cells, beside) if beside else []
        members = variants_of(settings, cells, name)
        typer.echo(tables(name, members, others, FOLDER / name, METHODS))
        if not any(members):
            typer.echo(f"{name}: no backbone here has a text tower, so its tables have no row", err=True)
        typer.echo(f"written: {FOLDER / name}", err=True)


def trial(dataset: DatasetOption = None, backbone: BackboneOption = None, device: DeviceOption = "auto") -> None:
    """Labelled data -> how close `pipeline estimate` comes, on subsets whose number of classes is known."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.config.devices import check_device, pick_device
    from pipeline.config.paths import ESTIMATES

    check_device(device)
    from pipeline.base.progress import progress_line
    from pipeline.cli.upstream import Upstream
    from pipeline.experiments.trial import trial

    upstream = Upstream(settings)
    for cell in cells:
        upstream.features(cell)

    study, show = settings.studies.estimates, progress_line("estimates")
    typer.echo(trial(cells, study, settings.cluster, settings.fit, pick_device(device), ESTIMATES, show))
    typer.echo(f"written: {ESTIMATES}", err=True)


def compare(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """Every method on the same caches -> the leaderboard, and what choices without labels are worth."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.base.progress import progress_line
    from pipeline.config.paths import LEADERBOARD, RUNS
    from pipeline.experiments.compare import compare
    from pipeline.experiments.studies import settings_of
    from pipeline.methods import METHODS

    costs = RUNS / LEADERBOARD.name / "compare"
    with made_by(LEADERBOARD.name):
        variants = variants_of(settings, cells, LEADERBOARD.name, cached=True)
    typer.echo(
        compare(
            variants,
            lambda cell, variant: run_file("fit", cell.dataset, cell.backbone, variant, study=LEADERBOARD.name),
            lambda cell: (
                f"{fit_command(cell, LEADERBOARD.name)}' and then 'pipeline evaluate --study {LEADERBOARD.name}"
            ),
            settings_of(LEADERBOARD.name, settings.studies.sections),
            settings.studies.ceilings,
            LEADERBOARD,
            costs,
            progress_line("leaderboard"),
            METHODS,
        )
    )
    typer.echo(f"written: {LEADERBOARD} and, with seconds and memory, {costs / 'leaderboard.html'}", err=True)


def systems(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """Every system of the paper's tables on the same caches, beside its published figures -> tables and ranks."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.config.paths import RUNS, TABLES
    from pipeline.experiments.systems import systems
    from pipeline.experiments.systems_on_cell import SOURCES
    from pipeline.methods import METHODS

    with made_by("systems"):
        by_study = [variants_of(settings, cells, study) for study in SOURCES]
    found = [dict(zip(SOURCES, each, strict=True)) for each in zip(*by_study, strict=True)]
    out, costs = TABLES / "systems", RUNS / "systems" / "systems"
    typer.echo(systems(found, lambda study, cell, name: record_of("fit", cell, study, name), out, costs, METHODS))
    typer.echo(f"written: {out} and, with seconds, {costs / 'systems.html'}", err=True)


def theorem(device: DeviceOption = "auto") -> None:
    """Synthetic pictures -> how near a head that sees them comes to one that reads what they show, by their noise."""
    from pipeline.cli.settings import read_params

    settings = read_params()
    from pipeline.config.devices import check_device, pick_device

    check_device(device)
    from pipeline.base.progress import progress_line
    from pipeline.config.paths import TABLES
    from pipeline.experiments.theorem import theorem

    chosen, out, studies = pick_device(device), TABLES / "theorem", settings.studies
    with stage(out, run_file("theorem"), chosen):
        show = progress_line("theorem")
        typer.echo(theorem(studies.theorem, settings.fit, settings.extract, studies.ceilings, chosen, out, show))
    typer.echo(f"written: {out}", err=True)


def figures(dataset: DatasetOption = None, backbone: BackboneOption = None, study: StudyOption = None) -> None:
    """A cell, or a study on it -> the paper's figures for print, as SVG and PNG."""
    settings, cells = read_cells(dataset, backbone)
    from pipeline.experiments.studies import with_figures

    name = chosen_studies(study, with_figures())[0] if study else None
    from pipeline.cli.upstream import Upstream
    from pipeline.config.paths import figure_folder
    from pipeline.experiments.figures import figures
    from pipeline.heads.predictions import predicted_methods
    from pipeline.methods import METHODS
    from pipeline.report.cells import evaluate_command

    upstream = Upstream(settings)
    for cell, variant in jobs(settings, cells, None):
        # Whatever is fitted: the figures are of one method, and need no other.
        found = predicted_methods(cell.evaluation, evaluate_command(cell, None))
        upstream.scores(cell, variant, found, cached=True)
    variants = variants_of(settings, cells, name) if name else [{} for _ in cells]
    for cell, by_name in zip(cells, variants, strict=True):
        folder = figure_folder(name, cell)
        for figure in figures(name, cell, by_name, settings.figures, folder, METHODS):
            typer.echo(f"{folder / figure}.svg, .png")
