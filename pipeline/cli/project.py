"""The project that a command works in: params.yaml, and the cells, jobs, data sets and caches that it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.config.names import CLASS_NAMES, NOUNS
from pipeline.config.paths import NOUN_LISTS, Cell, cell_paths, run_file, study_features, study_paths
from pipeline.methods import find_entry

if TYPE_CHECKING:
    from typing import Any

    from pipeline.base.provenance import Run
    from pipeline.cli.settings import Settings
    from pipeline.cli.variations import Variation
    from pipeline.config.settings import ExtractSettings
    from pipeline.experiments.study import Variant
    from pipeline.images.datasets.entry import Dataset


def read_cells(
    datasets: list[str] | None,
    backbones: list[str] | None,
    study: str | None = None,
    methods: list[str] | None = None,
    changes: Sequence[str] | None = None,
) -> tuple[Settings, list[Cell]]:
    """The parameters, and the cells to work on, all names checked.

    Args:
        datasets: None: those of params.yaml's `run:`.
        backbones: likewise.
        study: to be checked alone.
        methods: in the place of those of params.yaml's `fit:`.
        changes: values in the place of those of params.yaml.
    """
    from pipeline.backbones.registry import check_mix
    from pipeline.cli.settings import read_params
    from pipeline.config.params import PARAMS
    from pipeline.experiments.studies import get_study
    from pipeline.images import limits

    say_left_out.cache_clear()  # A process may run several commands.
    settings = read_params(changes=changes or ())
    limits.allow(settings.prepare.most_megapixels)
    for name in settings.datasets:
        dataset_of(name, settings, f"{PARAMS}: datasets")
    for name in datasets or settings.run.datasets:
        if name not in settings.datasets:
            where = "--dataset" if datasets else f"{PARAMS}: run.datasets"
            dataset_of(name, settings, where)
            raise PipelineError(
                f"{PARAMS}: datasets.{name}: missing; add it with clusters, balance_weight, image_size and geometry, "
                f"as the entry {next(iter(settings.datasets))} has them"
            )
    for name in backbones or settings.run.backbones:
        where = "--backbone" if backbones else f"{PARAMS}: run.backbones"
        check_mix(name, where)
    if study:
        get_study(study, "--study")
    if methods:
        settings = replace(settings, fit=replace(settings.fit, methods=_checked(methods, study)))
    return settings, [
        cell_paths(dataset, backbone)
        for dataset in datasets or settings.run.datasets
        for backbone in backbones or settings.run.backbones
    ]


def _checked(methods: list[str], study: str | None) -> tuple[str, ...]:
    if study:
        raise PipelineError(f"--method {methods[0]}: a study has methods of its own; leave --method or --study out")
    for name in methods:
        if find_entry(name, "--method").text == CLASS_NAMES:
            raise PipelineError(f"--method {name}: it reads text and is nothing to fit; run 'pipeline {name}'")
    return tuple(dict.fromkeys(methods))


def dataset_of(name: str, settings: Settings, where: str = "") -> Dataset:
    """The data set of a name: its entry in the registry, or the folder that params.yaml gives."""
    from pipeline.images.datasets.registry import DATASETS, find_dataset

    entry = settings.datasets.get(name)
    if entry is None and name not in DATASETS:
        raise unknown("data set", name, [*DATASETS, *settings.datasets], where)
    root = settings.prepare.imagenet_root
    return (
        find_dataset(name, entry.folder, root, where, entry.exclude or ())
        if entry
        else find_dataset(name, None, root, where)
    )


@cache
def say_left_out(name: str) -> None:
    """Says, once in a command, that a cell has no text tower to read text with."""
    typer.echo(f"{name}: {LEFT_OUT}")


def names_methods(settings: Settings, study: str | None) -> str:
    """The place in params.yaml that names the methods of a fit."""
    from pipeline.experiments.studies import settings_of

    own = settings_of(study, settings.studies.sections) if study else None
    return f"params.yaml: {f'studies.{study}' if getattr(own, 'methods', None) else 'fit'}.methods"


def jobs(settings: Settings, cells: list[Cell], study: str | None) -> Iterator[tuple[Cell, Variant]]:
    """What to fit: every cell as it is, or every variant of a study on every cell."""
    from pipeline.experiments import studies
    from pipeline.experiments.study import Variant

    if study is None:
        yield from ((cell, Variant("", settings.fit)) for cell in cells)
        return
    entry = studies.get_study(study, "--study")
    variants = studies.variants_of(study, settings.fit, settings.studies.sections)
    for name in dict.fromkeys(name for variant in variants for name in variant.fit.methods):
        find_entry(name, names_methods(settings, study))
    for cell in cells:
        members = [(study_paths(study, cell.dataset, cell.backbone, variant.name), variant) for variant in variants]
        if entry.text and not has_text_tower(cell.backbone):
            say_left_out(f"{cell.dataset} x {cell.backbone}")
            for job, _ in members:
                for folder in (job.heads, job.predictions, job.evaluation):
                    folder.parent.mkdir(parents=True, exist_ok=True)
        else:
            yield from members


def fits(
    settings: Settings, cells: list[Cell], study: str | None, variation: Variation | None
) -> Iterator[tuple[Cell, Variant, tuple[str, ...]]]:
    """What is fitted, or scored, as one: a method on a cell, or all methods of a study's variant."""
    for cell, variant in jobs(settings, cells, study):
        if study:
            yield cell, variant, methods_of(study, variant)
        else:
            place = variation.cell(cell) if variation else cell
            yield from ((place, variant, (name,)) for name in variant.fit.methods)


def reads_class_names(study: str) -> bool:
    """Whether a study is the command that reads the names of classes, and has nothing to fit."""
    from pipeline.experiments.studies import get_study

    return get_study(study).text == CLASS_NAMES


def methods_of(study: str, variant: Variant) -> tuple[str, ...]:
    """The methods of a study's variant; a study that reads the names of classes is itself the only one."""
    return (study,) if reads_class_names(study) else variant.fit.methods


def has_text_tower(backbone: str) -> bool:
    """Whether texts can be embedded in the space of a backbone; in that of a mix none can."""
    from pipeline.backbones.registry import BACKBONES

    return backbone in BACKBONES and BACKBONES[backbone].text_tower


LEFT_OUT = "left out, no text tower of this backbone is read here"


def without_text_tower(where: str, why: str) -> PipelineError:
    """The error for a backbone of which no text tower is read.

    Args:
        where: what asks for one.
        why: it does.
    """
    from pipeline.backbones.registry import BACKBONES

    others = ", ".join(name for name, each in BACKBONES.items() if each.text_tower)
    return PipelineError(
        f"{where}: expected a backbone whose text tower is read here, as {why}, found none; these have one: {others}"
    )


def nouns_of(cell: Cell, names: Iterable[str]) -> Path | None:
    """Where the nouns of a cell's backbone are; None where no method of these names reads them.

    Raises:
        PipelineError: if one does, and the backbone has no text tower.
    """
    from pipeline.methods import METHODS

    readers = [name for name in names if METHODS[name].text == NOUNS]
    if readers and not has_text_tower(cell.backbone):
        raise without_text_tower(f"{cell.dataset} x {cell.backbone}", f"{readers[0]} reads nouns")
    return NOUN_LISTS / cell.backbone if readers else None


def caches_of(
    settings: Settings, cells: list[Cell], study: str | None, root: str | None
) -> tuple[ExtractSettings, list[Path]]:
    """The cache of each cell, and the settings that it is made with; a study may have caches of its own."""
    from pipeline.base.remote import reached
    from pipeline.experiments.studies import own_cache_of

    own = own_cache_of(study, settings.extract, settings.studies.sections) if study else None
    extracting = own or settings.extract
    if root is not None:
        folder = reached(root)
        return extracting, [folder / cell.dataset / cell.backbone for cell in cells]
    if study is None or own is None:
        return extracting, [cell.features for cell in cells]
    return extracting, [study_features(study, cell.dataset, cell.backbone) for cell in cells]


@contextmanager
def stage(folder: Path, record: Path, device: str = "cpu", **parameters: Any) -> Iterator[Run]:
    """Keeps other processes out of the folder that the block fills, and writes down how it went."""
    from contextlib import nullcontext

    from pipeline.base.files import is_remote
    from pipeline.base.locks import alone
    from pipeline.base.provenance import recorded

    # A store has no locks; what two processes put there is whole all the same.
    with nullcontext() if is_remote(folder) else alone(folder), recorded(record, parameters, device) as run:
        yield run


def fit_command(cell: Cell, study: str | None, method: str | None = None, variation: Variation | None = None) -> str:
    """What makes the predictions of a cell, or of a study on it.

    A study that reads the names of classes is a command of its own.
    """
    command = "fit" if study is None else study if reads_class_names(study) else f"fit --study {study}"
    more = f" --method {method}" if method else ""
    more += f" {variation.options}" if variation else ""
    return f"pipeline {command} --dataset {cell.dataset} --backbone {cell.backbone}{more}"


def record_of(command: str, cell: Cell, study: str | None, name: str, variation: Variation | None = None) -> Path:
    """Where it is written down how a stage went with a method on a cell, or with a variant of a study on it."""
    if variation:
        return variation.record(command, cell.dataset, cell.backbone, name)
    return run_file(command, cell.dataset, cell.backbone, name, study=study)


def only(methods: Sequence[str], cell: Cell) -> None:
    """Removes what other methods have left, so that nobody takes it for results of this fit."""
    from pipeline.base.files import remove_others

    for folder in (cell.heads, cell.predictions, cell.evaluation):
        remove_others(folder, methods)


def title(cell: Cell, study: str | None, variant: Variant) -> str:
    """What a line of output is about."""
    return f"{cell.dataset} x {cell.backbone}" + (f", {study} {variant.name}" if study else "")


def chosen_studies(study: str | None, known: Iterable[str]) -> list[str]:
    """The study of an option, or all that are known; `known` are the studies that end in what the command writes."""
    from pipeline.experiments.studies import STUDIES

    if study in STUDIES and study not in known:
        raise PipelineError(
            f"--study {study}: nothing to write of this study alone; that is there of {', '.join(known)}, and "
            "'pipeline compare' and 'pipeline systems' set all methods side by side"
        )
    if study is not None and study not in known:
        raise unknown("study", study, known, "--study")
    return [study] if study else list(known)


@contextmanager
def made_by(stage: str) -> Iterator[None]:
    """Says of what is missing in the block, or stale, which stage of the experiments' graph makes all of it."""
    try:
        yield
    except PipelineError as error:
        if "; run '" not in str(error):  # Something else is wrong, which no stage mends.
            raise
        raise PipelineError(f"{error}, or for all at once 'uv run dvc repro experiments/dvc.yaml:{stage}'") from None


def variants_of(settings: Settings, cells: list[Cell], study: str, cached: bool = False) -> list[dict[str, Cell]]:
    """For each cell the variants of a study, by name, all evaluated with what params.yaml now says.

    Args:
        settings: params.yaml.
        cells: the cells.
        study: the study's name.
        cached: their cache is read too.
    """
    from pipeline.cli.upstream import Upstream

    upstream = Upstream(settings, study)
    found = []
    for cell in cells:
        members = list(jobs(settings, [cell], study))
        for job, variant in members:
            upstream.scores(job, variant, methods_of(study, variant), cached)
        found.append({variant.name: job for job, variant in members})
    return found
