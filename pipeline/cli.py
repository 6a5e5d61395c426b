"""The command line: `pipeline <stage>`. It reads parameters and calls one stage; heavy imports stay in the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import PipelineError
from pipeline.paths import Cell, cell_paths

if TYPE_CHECKING:
    from pipeline.settings import Settings

app = typer.Typer(
    help="Image clustering without text and without labels, on frozen features (SCP).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130
"""The exit code that typer, as every shell, gives a command stopped by Ctrl-C."""

DatasetOption = Annotated[
    list[str] | None, typer.Option("--dataset", help="Data set; may be repeated. Default: run.datasets of params.yaml.")
]
BackboneOption = Annotated[
    list[str] | None,
    typer.Option("--backbone", help="Backbone; may be repeated. Default: run.backbones of params.yaml."),
]
DeviceOption = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu, cuda or cuda:N.")]


def _read(datasets: list[str] | None, backbones: list[str] | None) -> tuple[Settings, list[str], list[str]]:
    """The parameters, and the data sets and backbones to work on, all names checked."""
    from pipeline.backbones import get_backbone
    from pipeline.datasets import get_dataset
    from pipeline.params import PARAMS, read_params

    settings = read_params()
    for name in settings.datasets:
        get_dataset(name, f"{PARAMS}: datasets")
    for name in datasets or settings.run.datasets:
        get_dataset(name, "--dataset" if datasets else f"{PARAMS}: run.datasets")
        if name not in settings.datasets:
            raise PipelineError(
                f"{PARAMS}: datasets.{name}: missing; add it with clusters, balance_weight and image_size, "
                f"as the entry {next(iter(settings.datasets))} has them"
            )
    for name in backbones or settings.run.backbones:
        get_backbone(name, "--backbone" if backbones else f"{PARAMS}: run.backbones")
    return settings, list(datasets or settings.run.datasets), list(backbones or settings.run.backbones)


def _cells(datasets: list[str], backbones: list[str]) -> Iterator[Cell]:
    for dataset in datasets:
        for backbone in backbones:
            yield cell_paths(dataset, backbone)


@app.command()
def prepare(dataset: DatasetOption = None) -> None:
    """Data set -> list of images and, apart from it, labels."""
    from pipeline.datasets import get_dataset
    from pipeline.prepare import prepare

    _, datasets, _ = _read(dataset, None)
    for name in datasets:
        cell = cell_paths(name, "")
        typer.echo(prepare(get_dataset(name), cell.images, cell.labels))


@app.command()
def extract(dataset: DatasetOption = None, backbone: BackboneOption = None, device: DeviceOption = "auto") -> None:
    """Images -> embeddings of one clean and K augmented views, through a frozen backbone, once."""
    settings, datasets, names = _read(dataset, backbone)
    from pipeline.backbones import get_backbone
    from pipeline.devices import pick_device
    from pipeline.extract import extract

    chosen = pick_device(device)
    for cell in _cells(datasets, names):
        model = get_backbone(cell.backbone).at_size(settings.datasets[cell.dataset].image_size)
        timings = extract(cell.dataset, model, cell.images, cell.features, settings.extract, chosen)
        typer.echo(f"{cell.dataset} x {cell.backbone}: {timings.line(chosen)}")


@app.command()
def fit(dataset: DatasetOption = None, backbone: BackboneOption = None, device: DeviceOption = "auto") -> None:
    """Embeddings -> heads, and a cluster for every image."""
    settings, datasets, names = _read(dataset, backbone)
    from pipeline.devices import pick_device
    from pipeline.fit import fit

    chosen = pick_device(device)
    for cell in _cells(datasets, names):
        summaries = fit(
            cell.dataset,
            cell.features,
            cell.heads,
            cell.predictions,
            settings.fit,
            settings.extract,
            settings.datasets[cell.dataset],
            chosen,
        )
        for summary in summaries:
            typer.echo(f"{cell.dataset} x {cell.backbone}: {summary.line()}")


@app.command()
def evaluate(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """Predictions and labels -> ACC, NMI and ARI; the only stage that reads a label."""
    _, datasets, names = _read(dataset, backbone)
    from pipeline.evaluate import evaluate, lines

    for cell in _cells(datasets, names):
        for line in lines(evaluate(cell.predictions, cell.labels, cell.evaluation)):
            typer.echo(f"{cell.dataset} x {cell.backbone}: {line}")


@app.command()
def metrics(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """All cells -> the metrics, the plots and the page."""
    settings, datasets, names = _read(dataset, backbone)
    from pipeline.paths import METRICS, PLOTS, REPORT
    from pipeline.report import report

    page = report(list(_cells(datasets, names)), settings.metrics, METRICS, PLOTS, REPORT)
    typer.echo(f"page: {page}")


@app.command()
def ablation(dataset: DatasetOption = None, backbone: BackboneOption = None, device: DeviceOption = "auto") -> None:
    """Every set of SCP's terms on the same cache -> the ablation table (Table 4 of the paper)."""
    settings, datasets, names = _read(dataset, backbone)
    from dataclasses import replace

    from pipeline.ablation import TERM_SETS, folder_name, write_ablation
    from pipeline.devices import pick_device
    from pipeline.evaluate import evaluate
    from pipeline.fit import fit
    from pipeline.paths import ABLATION

    chosen = pick_device(device)
    folders = []
    for cell in _cells(datasets, names):
        folders.append(ABLATION / cell.dataset / cell.backbone)
        for terms in TERM_SETS:
            out = folders[-1] / folder_name(terms)
            chosen_fit = replace(settings.fit, methods=("scp",), scp=replace(settings.fit.scp, terms=terms))
            dataset_settings = settings.datasets[cell.dataset]
            typer.echo(f"{cell.dataset} x {cell.backbone}: {folder_name(terms)}", err=True)
            fit(
                cell.dataset,
                cell.features,
                out / "heads",
                out / "predictions",
                chosen_fit,
                settings.extract,
                dataset_settings,
                chosen,
            )
            evaluate(out / "predictions", cell.labels, out / "evaluation")
    typer.echo(write_ablation(folders, ABLATION / "table.md"))


def main() -> None:
    """Runs the command line; what the user can put right ends in one line and exit code 2."""
    try:
        app()
    except PipelineError as error:
        _stop(str(error), 2)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _stop("stopped; what is finished is kept, the same command goes on from there", INTERRUPTED)
        raise
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{os.strerror(error.errno)}; check the path, its permissions and the space on its disk", 2)


def _stop(message: str, code: int) -> None:
    print(f"pipeline: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)
