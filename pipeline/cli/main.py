"""The command line: `pipeline <stage>`. It reads parameters and calls one stage; heavy imports stay in the commands."""

from __future__ import annotations

import os
import re
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError
from pipeline.base.remote import told
from pipeline.base.text import shown
from pipeline.config.paths import Cell, cell_paths, run_file, study_features, study_paths

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from pipeline.base.provenance import Run
    from pipeline.cli.project import Settings
    from pipeline.collection.estimate import Estimate
    from pipeline.collection.result import Collection
    from pipeline.config.settings import ExtractSettings
    from pipeline.experiments.study import Variant
    from pipeline.extraction.engines import Engine
    from pipeline.extraction.timings import Timings
    from pipeline.images.datasets.entry import Dataset

app = typer.Typer(
    help="Image clustering without text and without labels, on frozen features (SCP).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

STOPPED = (130, 143)
"""The exit codes that every shell gives a command stopped by Ctrl-C, and typer too, or by SIGTERM."""

DatasetOption = Annotated[
    list[str] | None, typer.Option("--dataset", help="Data set; may be repeated. Default: run.datasets of params.yaml.")
]
BackboneOption = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help="Backbone, or a mix first+second; may be repeated. Default: run.backbones of params.yaml.",
    ),
]
DeviceOption = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu, cuda or cuda:N.")]
StudyOption = Annotated[
    str | None, typer.Option(help="An experiment of params.yaml's studies: section, in place of the main graph.")
]
CHECKS = ("quick", "full")
FeaturesOption = Annotated[
    str | None,
    typer.Option(
        "--features",
        help="Folder or URL, such as s3://bucket/features, in which <data set>/<backbone> lie. Default: data/features.",
    ),
]
SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        help="Folders, picture files, patterns, or .txt lists of paths; or a .npy, .h5 or .parquet file of embeddings."
    ),
]
SomeBackboneOption = Annotated[
    str | None, typer.Option("--backbone", help="See 'pipeline backbones'. Default: efficientnet-lite0.")
]
OutOption = Annotated[
    str | None, typer.Option(help="Folder for the results. Default: the source's name with -clusters, here.")
]


def _read(datasets: list[str] | None, backbones: list[str] | None) -> tuple[Settings, list[Cell]]:
    """The parameters, and the cells to work on, all names checked."""
    from pipeline.backbones.registry import get_backbone
    from pipeline.cli.project import read_params
    from pipeline.config.names import parts_of
    from pipeline.config.params import PARAMS

    settings = read_params()
    for name in settings.datasets:
        _dataset(name, settings, f"{PARAMS}: datasets")
    for name in datasets or settings.run.datasets:
        if name not in settings.datasets:
            where = "--dataset" if datasets else f"{PARAMS}: run.datasets"
            _dataset(name, settings, where)
            raise PipelineError(
                f"{PARAMS}: datasets.{name}: missing; add it with clusters, balance_weight and image_size, "
                f"as the entry {next(iter(settings.datasets))} has them"
            )
    for name in backbones or settings.run.backbones:
        where = "--backbone" if backbones else f"{PARAMS}: run.backbones"
        parts = parts_of(name)
        for part in parts:
            get_backbone(part, where)
        if len(set(parts)) < len(parts):
            raise PipelineError(f"{where}: expected different backbones in a mix, found '{name}'; name each once")
    return settings, [
        cell_paths(dataset, backbone)
        for dataset in datasets or settings.run.datasets
        for backbone in backbones or settings.run.backbones
    ]


def _dataset(name: str, settings: Settings, where: str = "") -> Dataset:
    """The data set of a name: its entry in the registry, or the folder that params.yaml gives."""
    from pipeline.images.datasets.registry import find_dataset

    entry = settings.datasets.get(name)
    return find_dataset(name, entry.folder if entry else None, settings.prepare.imagenet_root, where)


def _jobs(settings: Settings, cells: list[Cell], study: str | None) -> Iterator[tuple[Cell, Variant]]:
    """What to fit: every cell as it is, or every variant of a study on every cell."""
    from pipeline.experiments.studies import get_study, variants_of
    from pipeline.experiments.study import Variant

    if study is None:
        yield from ((cell, Variant("", settings.fit)) for cell in cells)
        return
    entry = get_study(study, "--study")
    variants = variants_of(study, settings.fit, settings.studies.sections)
    for cell in cells:
        jobs = [(study_paths(study, cell.dataset, cell.backbone, variant.name), variant) for variant in variants]
        if entry.text and not _has_text_tower(cell.backbone):
            typer.echo(f"{cell.dataset} x {cell.backbone}: left out, the backbone has no text tower")
            for job, _ in jobs:
                for folder in (job.heads, job.predictions, job.evaluation):
                    folder.parent.mkdir(parents=True, exist_ok=True)
        else:
            yield from jobs


def _has_text_tower(backbone: str) -> bool:
    from pipeline.backbones.registry import BACKBONES

    return backbone in BACKBONES and BACKBONES[backbone].text_tower


def _features(
    settings: Settings, cells: list[Cell], study: str | None, root: str | None
) -> tuple[ExtractSettings, list[Path]]:
    """The cache of each cell, and the settings that it is made with; a study may have caches of its own."""
    from pipeline.base.remote import reached
    from pipeline.experiments.studies import get_study, own_cache_of

    own = None
    if study:
        get_study(study, "--study")
        own = own_cache_of(study, settings.extract, settings.studies.sections)
    extracting = own or settings.extract
    if root is not None:
        folder = reached(root)
        return extracting, [folder / cell.dataset / cell.backbone for cell in cells]
    if study is None or own is None:
        return extracting, [cell.features for cell in cells]
    return extracting, [study_features(study, cell.dataset, cell.backbone) for cell in cells]


@contextmanager
def _stage(folder: Path, record: Path, device: str = "cpu", **parameters: Any) -> Iterator[Run]:
    """Keeps other processes out of the folder that the block fills, and writes down how it went."""
    from contextlib import nullcontext

    from pipeline.base.files import is_remote
    from pipeline.base.locks import alone
    from pipeline.base.provenance import recorded

    # A store has no locks; what two processes put there is whole all the same.
    with nullcontext() if is_remote(folder) else alone(folder), recorded(record, parameters, device) as run:
        yield run


def _note(run: Run, timings: Timings) -> None:
    """Adds an extraction to how a run went."""
    images = run.notes.setdefault("images", {"computed": 0, "reused": 0})
    images["computed"] += timings.images
    images["reused"] += timings.reused
    if timings.halved:
        run.notes["batch_halved"] = run.notes.get("batch_halved", 0) + timings.halved
    for name in ("read", "augment", "forward", "write"):
        run.parts.seconds[name] = run.parts.seconds.get(name, 0.0) + getattr(timings, name)


@app.command()
def prepare(dataset: DatasetOption = None) -> None:
    """Data set -> list of images and, apart from it, labels."""
    settings, cells = _read(dataset, None)
    from dataclasses import asdict

    from pipeline.images.prepare import prepare

    for cell in {cell.dataset: cell for cell in cells}.values():
        found = _dataset(cell.dataset, settings)
        entry = asdict(settings.datasets[cell.dataset])
        with _stage(cell.images, run_file("prepare", cell.dataset), dataset=entry, prepare=asdict(settings.prepare)):
            typer.echo(prepare(found, cell.images, cell.labels, cell.classes))


@app.command()
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
    settings, cells = _read(dataset, backbone)
    from pipeline.backbones.registry import get_backbone
    from pipeline.backbones.weights import find_weights, weights_are_here
    from pipeline.config.names import parts_of
    from pipeline.extraction.extract import extract
    from pipeline.features.cache import write_mix

    devices, ready = _engine(engine, device, gpus, ray_address, gpus_per_task, cpus_per_task)
    chosen = devices[0]
    # What cannot be fetched is said before anything is asked for, or computed in hours.
    for name in dict.fromkeys(part for cell in cells for part in parts_of(cell.backbone)):
        if not weights_are_here(get_backbone(name)):
            find_weights(get_backbone(name))
    extract_settings, folders = _features(settings, cells, study, features)
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
                size = settings.datasets[cell.dataset].image_size
                model, cache = get_backbone(name).at_size(size), folder.with_name(name)
                record = run_file("extract", cell.dataset, name, study=study)
                # Over Ray the devices are other machines'.
                own = chosen if engine == "local" else "cpu"
                with _stage(cache, record, own, extract=asdict(extract_settings), image_size=size) as run:
                    timings = extract(cell.dataset, model, cell.images, cache, extract_settings, chosen, make)
                    _note(run, timings)
                typer.echo(f"{cell.dataset} x {name}: {timings.line(', '.join(devices))}")
            if len(parts) > 1:
                typer.echo(f"{cell.dataset} x {cell.backbone}: {write_mix(folder).dim} dimensions")


ENGINES = ("local", "ray")


def _engine(
    name: str, device: str, several: str | None, address: str | None, gpus: float | None, cpus: int | None
) -> tuple[list[str], AbstractContextManager[Engine]]:
    """The devices to compute on, and what makes the shards; options that would mean nothing are refused."""
    from contextlib import nullcontext

    from pipeline.base.errors import unknown
    from pipeline.config.devices import pick_device, pick_gpus
    from pipeline.extraction.engines import here, on

    if name not in ENGINES:
        raise unknown("engine", name, ENGINES, "--engine")
    options = {"--ray-address": address, "--gpus-per-task": gpus, "--cpus-per-task": cpus}
    given = [option for option, value in options.items() if value is not None]
    if name == "local":
        if given:
            raise PipelineError(f"{given[0]}: means something with --engine ray alone; add that, or leave it out")
        if several is None:
            return [pick_device(device)], nullcontext(here)
        if device != "auto":
            raise PipelineError(
                f"--gpus {several}: stands in place of --device, found --device {device} too; leave it out"
            )
        devices = pick_gpus(several)
        return devices, nullcontext(on(devices))
    if several is not None:
        raise PipelineError(f"--gpus {several}: every task of --engine ray has its own; give --gpus-per-task instead")
    if device != "auto":
        raise PipelineError(f"--device {device}: every task of --engine ray has its own; give --gpus-per-task instead")
    from pipeline.extraction.ray_engine import connected

    return ["cuda:0" if gpus else "cpu"], connected(address, cpus, gpus or 0)


@app.command()
def fit(
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = "auto",
    study: StudyOption = None,
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

    A shard's SHA-256 is checked whenever it is read; --check full finds a damaged one of the last cell before the first
    is fitted.
    """
    settings, cells = _read(dataset, backbone)
    from pipeline.base.errors import unknown
    from pipeline.config.devices import pick_device
    from pipeline.experiments.studies import get_study
    from pipeline.features.cache import open_features
    from pipeline.methods.fit import fit

    if check not in CHECKS:
        raise unknown("check", check, CHECKS, "--check")
    if study and get_study(study, "--study").text:
        raise PipelineError(f"--study {study}: there is nothing to fit; run 'pipeline {study}'")
    chosen, most = pick_device(device), None if memory is None else _bytes(memory)
    extract_settings, folders = _features(settings, cells, study, features)
    caches = {(cell.dataset, cell.backbone): folder for cell, folder in zip(cells, folders, strict=True)}
    for folder in folders:
        open_features(folder).check(full=check == "full")
    for cell, variant in _jobs(settings, cells, study):
        dataset_settings = settings.datasets[cell.dataset]
        if variant.balance_weight is not None:
            dataset_settings = replace(dataset_settings, balance_weight=variant.balance_weight)
        given = {"fit": variant.fit.plain(), "dataset": asdict(dataset_settings), "views": variant.views}
        given |= {"memory": most} if most else {}
        with _stage(cell.heads, _record("fit", cell, study, variant), chosen, **given):
            summaries = fit(
                cell.dataset,
                caches[cell.dataset, cell.backbone],
                cell.heads,
                cell.predictions,
                variant.fit,
                extract_settings,
                dataset_settings,
                chosen,
                variant.views,
                variant.steps,
                most,
            )
        for summary in summaries:
            typer.echo(f"{_title(cell, study, variant)}: {summary.line()}")


@app.command("zero-shot")
def zero_shot(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """CLIP's classification by the names of the classes: the one method that reads text."""
    settings, cells = _read(dataset, backbone)
    from dataclasses import asdict

    from pipeline.backbones.registry import get_backbone
    from pipeline.experiments.zero_shot import NAME, zero_shot

    for cell, variant in _jobs(settings, cells, NAME):
        model = get_backbone(cell.backbone)
        record = _record("fit", cell, NAME, variant)
        with _stage(cell.heads, record, zero_shot=asdict(settings.zero_shot)):
            line = zero_shot(model, cell.features, cell.classes, cell.heads, cell.predictions, settings.zero_shot)
        typer.echo(f"{cell.dataset} x {cell.backbone}: {line}")


@app.command()
def evaluate(dataset: DatasetOption = None, backbone: BackboneOption = None, study: StudyOption = None) -> None:
    """Predictions and labels -> ACC, NMI and ARI; no other stage of the graph reads a label."""
    settings, cells = _read(dataset, backbone)
    from pipeline.evaluation.evaluate import evaluate, lines

    for cell, variant in _jobs(settings, cells, study):
        again = _fit_command(cell, study)
        with _stage(cell.evaluation, _record("evaluate", cell, study, variant)):
            scores = evaluate(cell.predictions, cell.labels, cell.evaluation, again)
        for line in lines(scores):
            typer.echo(f"{_title(cell, study, variant)}: {line}")


def _fit_command(cell: Cell, study: str | None) -> str:
    """What makes the predictions of a cell, or of a study on it; a study that reads text is a command of its own."""
    from pipeline.experiments.studies import get_study

    stage = "fit" if study is None else study if get_study(study).text else f"fit --study {study}"
    return f"pipeline {stage} --dataset {cell.dataset} --backbone {cell.backbone}"


def _record(stage: str, cell: Cell, study: str | None, variant: Variant) -> Path:
    """Where it is written down how a stage went on a cell, or on a variant of a study on it."""
    names = (cell.dataset, cell.backbone, variant.name) if study else (cell.dataset, cell.backbone)
    return run_file(stage, *names, study=study)


def _title(cell: Cell, study: str | None, variant: Variant) -> str:
    """What a line of output is about."""
    return f"{cell.dataset} x {cell.backbone}" + (f", {study} {variant.name}" if study else "")


@app.command()
def metrics(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """All cells -> the metrics, the plots and the page."""
    settings, cells = _read(dataset, backbone)
    from dataclasses import asdict

    from pipeline.config.paths import METRICS, PLOTS, REPORT
    from pipeline.methods import METHODS
    from pipeline.report.metrics import report

    with _stage(REPORT, run_file("metrics"), metrics=asdict(settings.metrics)):
        page = report(cells, settings.metrics, METRICS, PLOTS, REPORT, METHODS)
    _say(f"page: {page}")


@app.command()
def tables(dataset: DatasetOption = None, backbone: BackboneOption = None, study: StudyOption = None) -> None:
    """The scores of the studies -> tables; of the repeats, beside the published results."""
    settings, cells = _read(dataset, backbone)
    from pipeline.config.paths import TABLES as FOLDER
    from pipeline.experiments.studies import with_tables
    from pipeline.experiments.tables import tables
    from pipeline.experiments.zero_shot import NAME
    from pipeline.methods import METHODS

    for name in _chosen(study, with_tables()):
        others = _variants(settings, cells, NAME) if name == "repeats" else []
        typer.echo(tables(name, _variants(settings, cells, name), others, FOLDER / name, METHODS))
        typer.echo(f"written: {FOLDER / name}", err=True)


@app.command()
def trial(dataset: DatasetOption = None, backbone: BackboneOption = None, device: DeviceOption = "auto") -> None:
    """Labelled data -> how close `pipeline estimate` comes, on subsets whose number of classes is known."""
    settings, cells = _read(dataset, backbone)
    from pipeline.base.progress import progress_line
    from pipeline.config.devices import pick_device
    from pipeline.config.paths import ESTIMATES
    from pipeline.experiments.trial import trial

    study, show = settings.studies.estimates, progress_line("estimates")
    typer.echo(trial(cells, study, settings.cluster, settings.fit, pick_device(device), ESTIMATES, show))
    typer.echo(f"written: {ESTIMATES}", err=True)


@app.command()
def compare(dataset: DatasetOption = None, backbone: BackboneOption = None) -> None:
    """Every method on the same caches -> the leaderboard, and what choices without labels are worth."""
    settings, cells = _read(dataset, backbone)
    from pipeline.base.progress import progress_line
    from pipeline.config.paths import LEADERBOARD, RUNS
    from pipeline.experiments.compare import compare
    from pipeline.experiments.studies import settings_of
    from pipeline.methods import METHODS

    costs = RUNS / LEADERBOARD.name / "compare"
    typer.echo(
        compare(
            _variants(settings, cells, LEADERBOARD.name),
            lambda cell, variant: run_file("fit", cell.dataset, cell.backbone, variant, study=LEADERBOARD.name),
            lambda cell: (
                f"{_fit_command(cell, LEADERBOARD.name)}' and then 'pipeline evaluate --study {LEADERBOARD.name}"
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


@app.command()
def figures(dataset: DatasetOption = None, backbone: BackboneOption = None, study: StudyOption = None) -> None:
    """A cell, or a study on it -> the paper's figures for print, as SVG and PNG."""
    settings, cells = _read(dataset, backbone)
    from pipeline.config.paths import figure_folder
    from pipeline.experiments.figures import figures
    from pipeline.experiments.studies import with_figures
    from pipeline.methods import METHODS

    name = _chosen(study, with_figures())[0] if study else None
    variants = _variants(settings, cells, name) if name else [{} for _ in cells]
    for cell, by_name in zip(cells, variants, strict=True):
        folder = figure_folder(name, cell)
        for figure in figures(name, cell, by_name, settings.figures, folder, METHODS):
            typer.echo(f"{folder / figure}.svg, .png")


def _chosen(study: str | None, known: Iterable[str]) -> list[str]:
    """The study of an option, or all that are known."""
    from pipeline.base.errors import unknown

    if study is not None and study not in known:
        raise unknown("study", study, known, "--study")
    return [study] if study else list(known)


def _variants(settings: Settings, cells: list[Cell], study: str) -> list[dict[str, Cell]]:
    """For each cell the variants of a study, by name."""
    return [{variant.name: job for job, variant in _jobs(settings, [cell], study)} for cell in cells]


@dataclass(frozen=True)
class Gathered:
    """Somebody's pictures, or embeddings, with a cache that is filled."""

    collection: Collection
    root: Path
    """The folder that the pictures' paths start at."""
    images: int
    rejected: int
    features: Path
    extract: ExtractSettings
    """What the cache was made with; it says nothing of embeddings that were brought."""
    run: Run


@contextmanager
def _held(collection: Collection, device: str) -> Iterator[Run]:
    """Keeps other processes out of a collection, and follows how the run goes."""
    from pipeline.base.provenance import running

    with collection.alone(), running(device) as run:
        yield run


def _gather(
    context: typer.Context,
    sources: list[str],
    out: str | None,
    backbone: str | None,
    clusters: int,
    settings: Settings,
    device: str,
) -> Gathered:
    """Looks at the sources and fills the cache: what every work on a collection begins with.

    Sources of fewer pictures than `clusters` are refused before anything is computed. Until the command of the context
    ends, no other process can fill the collection.
    """
    from pathlib import Path

    from pipeline.backbones.registry import get_backbone
    from pipeline.collection.collect import check_count, collect
    from pipeline.collection.own_embeddings import bring
    from pipeline.collection.result import Collection, default_folder, suited_views
    from pipeline.config.names import parts_of
    from pipeline.extraction.extract import extract
    from pipeline.features.cache import write_mix
    from pipeline.features.vectors import is_vectors, read_vectors

    choice = settings.cluster
    name = backbone or choice.backbone
    models = [get_backbone(part, "--backbone").at_size(choice.image_size) for part in parts_of(name)]
    collection = Collection(Path(out) if out else default_folder(sources))
    may_replace = out is not None
    run = context.with_resource(_held(collection, device))
    if len(sources) == 1 and is_vectors(sources[0]):
        vectors = read_vectors(Path(sources[0]))
        root = Path(sources[0]).resolve().parent
        rows, views, dim = vectors.views.shape
        beside = f", {views - 1} views beside the clean one" if views > 1 else ""
        typer.echo(f"{rows:,} embeddings of {dim} numbers{beside}")
        check_count(rows, clusters)
        collection.claim(sources, root, may_replace)
        return Gathered(collection, root, rows, 0, bring(vectors, collection), settings.extract, run)
    typer.echo("looking at the pictures", err=True)
    found = collect(sources, collection, may_replace, clusters)
    _say(found.line())
    extracting = suited_views(settings.extract, choice, found.images)
    for model in models:
        features = collection.features(model.name)
        timings = extract(collection.name, model, collection.images, features, extracting, device)
        _note(run, timings)
        typer.echo(f"{model.name}: {timings.line(device)}")
    features = collection.features(name)
    if len(models) > 1:
        write_mix(features)
    return Gathered(collection, found.root, found.images, found.rejected, features, extracting, run)


def _estimate(given: Gathered, settings: Settings, device: str) -> Estimate:
    """How many clusters there may be; made before of the same embeddings, it is kept."""
    from pipeline.base.progress import progress_line
    from pipeline.collection.estimate import estimate, known_estimate, write_estimate
    from pipeline.collection.result import SPLIT
    from pipeline.features.cache import open_features

    path, features = given.collection.estimate, open_features(given.features)
    known = known_estimate(path, features, settings.cluster, settings.fit)
    if known is not None:
        return known
    show = progress_line(f"{given.collection.name}, how many clusters")
    made = estimate(features.read(SPLIT).clean, settings.cluster, settings.fit, device, show)
    write_estimate(path, made, features, settings.cluster, settings.fit)
    return made


FEWEST = 2
"""A clustering has two clusters at least."""
AUTO = "auto"


def _bytes(text: str) -> int:
    """The number of bytes that a size such as 2GB or 500M stands for; units of 1,000, with an i of 1,024."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT])(i?)B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise PipelineError(f"--memory {text}: expected a size such as 2GB or 500MB; give a number with its unit")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (1 + "KMGT".index(unit.upper())))


def _clusters(text: str) -> int | None:
    """The number of clusters that -k names; None: it is to be estimated."""
    if text == AUTO:
        return None
    if not text.isdecimal() or int(text) < FEWEST:
        raise PipelineError(f"-k {text}: expected a whole number of at least {FEWEST}, or {AUTO}")
    return int(text)


@app.command()
def estimate(
    context: typer.Context,
    sources: SourcesArgument,
    out: OutOption = None,
    backbone: SomeBackboneOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Pictures -> how many clusters there may be, with the evidence. `pipeline cluster` goes on from there."""
    from pipeline.cli.project import read_params
    from pipeline.config.devices import pick_device
    from pipeline.config.params import DEFAULTS

    settings, chosen = read_params(DEFAULTS), pick_device(device)
    given = _gather(context, sources, out, backbone, FEWEST, settings, chosen)
    made = _estimate(given, settings, chosen)
    typer.echo(made.line())
    typer.echo(made.table())
    typer.echo(f"curves: {given.collection.estimate}")


@app.command()
def cluster(
    context: typer.Context,
    sources: SourcesArgument,
    clusters: Annotated[
        str, typer.Option("-k", "--clusters", help="How many clusters to look for; auto: as many as seem to be there.")
    ] = AUTO,
    out: OutOption = None,
    backbone: SomeBackboneOption = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method", "--objective", help="auto, scp, kmeans or another of fit: in params.yaml. Default: auto."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed gives another clustering. Default: 0.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Pictures -> clusters, in one go: assignments, a page to browse, and a head for new pictures. No labels."""

    from pipeline.cli.project import read_params
    from pipeline.config.params import DEFAULTS
    from pipeline.methods import METHODS, get_method

    settings = read_params(DEFAULTS)
    choice = settings.cluster
    name = method or choice.method
    get_method(name, "--method")
    if METHODS[name].text:
        raise PipelineError(f"--method {name}: it reads the names of classes, which a folder of pictures has not")

    from pipeline.collection.estimate import known_estimate
    from pipeline.collection.page import browse, write_run
    from pipeline.collection.result import suited
    from pipeline.config.devices import pick_device
    from pipeline.config.settings import DatasetSettings
    from pipeline.features.cache import open_features
    from pipeline.methods.fit import fit

    asked, chosen = _clusters(clusters), pick_device(device)
    given = _gather(context, sources, out, backbone, asked or FEWEST, settings, chosen)
    collection, features = given.collection, given.features
    evidence: Estimate | None
    if asked is None:
        evidence = made = _estimate(given, settings, chosen)
        count = made.choice
        typer.echo(made.line())
    else:
        evidence = known_estimate(collection.estimate, open_features(features), choice, settings.fit)
        count = asked
    dataset = DatasetSettings(count, choice.balance_weight, choice.image_size)
    fitting = replace(settings.fit, seed=settings.fit.seed if seed is None else seed)
    fitting = suited(fitting, choice, name, given.images, count)
    if collection.is_fitted(features, fitting, dataset):
        typer.echo(f"{name}: fitted before, kept as it is")
    else:
        summaries = fit(
            collection.name,
            features,
            collection.heads,
            collection.predictions,
            fitting,
            given.extract,
            dataset,
            chosen,
        )
        for summary in summaries:
            typer.echo(summary.line())
        collection.mark_fitted(features, fitting, dataset)
    page = browse(collection, given.root, features, name, count, choice.layout, evidence)
    facts = given.run.facts()
    write_run(
        collection, sources, given.root, features, fitting, dataset, given.images, given.rejected, evidence, facts
    )
    _say(f"page: {page}")


@app.command()
def predict(
    head: Annotated[str, typer.Argument(help="The folder of a fitted head, such as pictures-clusters/head.")],
    sources: SourcesArgument,
    out: Annotated[str | None, typer.Option(help="CSV file to write. Default: standard output.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """New pictures -> the cluster of each, its confidence and the second choice, from a saved head alone."""
    from pathlib import Path

    from pipeline.base.csv_tables import write_table
    from pipeline.collection.predict import predict
    from pipeline.config.devices import pick_device
    from pipeline.heads.predictions import PREDICTED_COLUMNS

    found = predict(Path(head), sources, pick_device(device))
    if out:
        write_table(Path(out), PREDICTED_COLUMNS, found.rows)
    else:
        _print_table(PREDICTED_COLUMNS, found.rows)
    for path, reason in found.rejected:
        _say(f"{path}: left out, {reason}", err=True)
    raise typer.Exit(0 if found.rows else 1)


@app.command()
def search(
    image: Annotated[str, typer.Argument(help="The picture to look for.")],
    folder: Annotated[
        str | None, typer.Option("--in", help="A result of 'pipeline cluster'. Default: the only one in this folder.")
    ] = None,
    by: Annotated[str, typer.Option(help="embedding (what it looks like) or head (its clusters).")] = "embedding",
    count: Annotated[int, typer.Option(min=1, help="How many to find.")] = 20,
    sheet: Annotated[str | None, typer.Option(help="PNG file to draw. Default: search.png in the result.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """A picture -> the nearest pictures of a collection, as a table and a contact sheet."""
    from pathlib import Path

    from pipeline.base.errors import unknown
    from pipeline.collection.result import Collection, only_collection
    from pipeline.collection.search import COLUMNS, SPACES, find
    from pipeline.config.devices import pick_device

    if by not in SPACES:
        raise unknown("space", by, SPACES, "--by")
    collection = Collection(Path(folder) if folder else only_collection())
    target = Path(sheet) if sheet else collection.folder / "search.png"
    _print_table(COLUMNS, find(collection, Path(image), by, count, target, pick_device(device)))
    _say(f"sheet: {target}", err=True)


@app.command()
def export(
    folder: Annotated[str | None, typer.Argument(help="A result of 'pipeline cluster'.")] = None,
    target: Annotated[
        str | None, typer.Argument(help="The folder to fill, a folder a cluster; or a .csv, .parquet or .json file.")
    ] = None,
    how: Annotated[str, typer.Option(help="symlink, copy or move.")] = "symlink",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    undo: Annotated[str | None, typer.Option(help="The undo.csv of a move: bring the pictures back.")] = None,
) -> None:
    """Clusters -> folders of pictures (links, copies, or the pictures themselves), or one file for other programs.

    A .csv file has the assignments with the map's coordinates, a .parquet file also thumbnails and neighbours, as
    Embedding Atlas takes them, and a .json file is FiftyOne's image classification format. Nothing is ever overwritten.
    """
    from pathlib import Path

    from pipeline.base.errors import unknown
    from pipeline.collection import export as exporting
    from pipeline.collection.exchange import FORMATS, exchange
    from pipeline.collection.result import Collection

    if undo:
        _say(exporting.undo(Path(undo)))
        return
    if not folder or not target:
        raise PipelineError(
            "expected a result of 'pipeline cluster' and a folder to fill: pipeline export RESULT FOLDER"
        )
    if how not in exporting.WAYS:
        raise unknown("way", how, exporting.WAYS, "--how")
    if Path(target).suffix.lower() in FORMATS:
        _say(exchange(Collection(Path(folder)), Path(target), dry_run))
        return
    steps = exporting.plan(Collection(Path(folder)), Path(target), how)
    if dry_run:
        _print_table(("picture", "to"), ((step.source, step.target) for step in steps))
    else:
        _say(exporting.export(steps, Path(target), how))


def _say(line: str, err: bool = False) -> None:
    """A line for people in which the names of files stand, and these may hold anything."""
    typer.echo(shown(line), err=err)


def _print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV table on standard output."""
    import csv

    # A file name may hold bytes that no terminal takes.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(columns)
    # A file gets the names as they are, a terminal what does it no harm.
    to_people = sys.stdout.isatty()
    table.writerows([shown(str(value)) if to_people else value for value in row] for row in rows)


@app.command()
def backbones() -> None:
    """Lists the backbones: dimension, licence, size of the download, whether the weights are here."""
    from pipeline.cli.listings import list_backbones

    typer.echo(list_backbones())


@app.command()
def datasets() -> None:
    """Lists the data sets: size, licence, whether the files are here."""
    from pipeline.cli.listings import list_datasets
    from pipeline.cli.project import read_params

    settings = read_params()
    typer.echo(list_datasets(_dataset(name, settings) for name in settings.datasets))


@app.command()
def verify(
    caches: Annotated[
        list[str],
        typer.Argument(
            help="Folders of embeddings, such as data/features/*/* or s3://bucket/features/stl10/clip-vitb32, or "
            "results of 'pipeline cluster'."
        ),
    ],
) -> None:
    """Reads every shard of caches in full and names what is damaged, and what makes it again. Exit code 1: not whole.

    A folder that is no cache is exit code 2. Files that do not belong to a cache are named too; they harm nothing.
    """
    from pipeline.base.remote import reached
    from pipeline.features.verify import find_caches, verify

    whole = True
    for folder in dict.fromkeys(found for each in caches for found in find_caches(reached(each))):
        verdict = verify(folder)
        whole &= verdict.whole
        for line in verdict.lines:
            _say(line)
    raise typer.Exit(0 if whole else 1)


@app.command()
def bench(
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = "auto",
    count: Annotated[int, typer.Option("--images", min=1, help="Pictures to extract.")] = 2000,
    steps: Annotated[int, typer.Option(min=200, help="Training steps of the fit.")] = 500,
    part: Annotated[str | None, typer.Option(help="extract or fit. Default: both.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """How fast extraction and fit are here, each beside the floor that this machine sets.

    extract: efficiency is the time of the bare backbone by that of the extraction, on the views that are computed; of
    all views, on those that are written, of which some are the same. fit: share is the rate of the training by that
    of bare matrix multiplications of its shapes. Nothing is written, and no label is read.
    """
    settings, cells = _read(dataset, backbone)
    import json

    from pipeline.backbones.registry import get_backbone
    from pipeline.base.errors import unknown
    from pipeline.base.provenance import about_device, versions
    from pipeline.cli.bench.extraction import extraction
    from pipeline.cli.bench.fit import fit
    from pipeline.cli.bench.table import table
    from pipeline.config.devices import pick_device
    from pipeline.config.names import parts_of

    if part not in (None, *BENCHED):
        raise unknown("part", part, BENCHED, "--part")
    chosen = pick_device(device)

    def tell(text: str) -> None:
        _say(f"bench: {text}", err=True)

    found: dict[str, dict[str, Any]] = {}
    if part in (None, "extract"):
        cell = cells[0]
        model = get_backbone(parts_of(cell.backbone)[0]).at_size(settings.datasets[cell.dataset].image_size)
        source = _dataset(cell.dataset, settings)
        found["extract"] = extraction(model, source, count, settings.extract, chosen, tell)
    if part in (None, "fit"):
        found["fit"] = fit(settings.fit, steps, chosen, tell)
    found["machine"] = {**about_device(chosen), **versions()}
    typer.echo(json.dumps(found) if as_json else table(found))


BENCHED = ("extract", "fit")


@app.command()
def doctor() -> None:
    """Says what works here for what params.yaml asks: libraries, device, weights, data, disk. Exit code 1: not all.

    Outside of a project it says what works for 'pipeline cluster'.
    """

    from pipeline.cli.doctor import doctor
    from pipeline.cli.project import read_params
    from pipeline.config.params import DEFAULTS, PARAMS

    cells: list[Cell] = []
    if PARAMS.exists():
        settings, cells = _read(None, None)
    else:
        settings = read_params(DEFAULTS)
        run = replace(settings.run, datasets=(), backbones=(settings.cluster.backbone,))
        settings = replace(settings, run=run)
    named = [_dataset(name, settings) for name in settings.run.datasets]
    text, well = doctor(settings, named, [cell.features for cell in cells])
    typer.echo(text)
    raise typer.Exit(0 if well else 1)


def main() -> None:
    """Runs the command line; what the user can put right ends in one line and exit code 2."""
    # Pillow's remarks on odd files; what is wrong enough to matter raises.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    _heed_signals()
    try:
        with told():
            app()
    except PipelineError as error:
        _stop(str(error), 2)
    except SystemExit as stop:
        if stop.code in STOPPED:
            _stop("stopped; what is finished is kept, the same command goes on from there", stop.code)
        raise
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{os.strerror(error.errno)}; check the path, its permissions and the space on its disk", 2)


def _heed_signals() -> None:
    """SIGTERM stops a command as Ctrl-C does, between two batches. A lost terminal stops none: it goes on unseen."""

    def terminate(*_: object) -> None:
        raise SystemExit(STOPPED[1])

    def let_go(*_: object) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in terminals:  # Whatever is written to a terminal that is gone fails.
            os.dup2(nowhere, stream)

    signal.signal(signal.SIGTERM, terminate)
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]
    # Under nohup, which leaves no terminal to write to, the signal is ignored already and stays so.
    own = (signal.SIG_DFL, signal.SIG_IGN) if terminals else (signal.SIG_DFL,)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) in own:
        signal.signal(signal.SIGHUP, let_go)


def _stop(message: str, code: int) -> None:
    print(f"pipeline: {shown(' '.join(message.split()))}", file=sys.stderr)
    raise SystemExit(code)
