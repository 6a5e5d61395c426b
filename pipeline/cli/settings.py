"""All of params.yaml: the sections of every room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from pipeline.base.errors import unknown
from pipeline.collection.settings import ClusterSettings
from pipeline.config.names import CLASS_NAMES
from pipeline.config.params import PARAMS, REST, Section, read
from pipeline.config.settings import DatasetSettings, ExtractSettings, PrepareSettings, RunSettings
from pipeline.evaluation.settings import CeilingSettings
from pipeline.experiments.settings import (
    EstimatesStudy,
    FiguresSettings,
    RobustnessStudy,
    TheoremStudy,
    ZeroShotSettings,
)
from pipeline.experiments.studies import STUDIES
from pipeline.heads.method import section_of
from pipeline.heads.settings import FitSettings
from pipeline.methods import METHODS
from pipeline.report.settings import MetricsSettings


@dataclass(frozen=True)
class StudiesSettings:
    """The experiments beside the main graph."""

    estimates: EstimatesStudy
    ceilings: CeilingSettings
    robustness: RobustnessStudy
    theorem: TheoremStudy
    sections: dict[str, Section] = field(metadata=REST)
    """What params.yaml says of single studies, by name; see `pipeline.experiments.studies.settings_of`."""


@dataclass(frozen=True)
class Settings:
    """All of params.yaml."""

    run: RunSettings
    prepare: PrepareSettings
    extract: ExtractSettings
    fit: FitSettings
    metrics: MetricsSettings
    studies: StudiesSettings
    zero_shot: ZeroShotSettings
    figures: FiguresSettings
    cluster: ClusterSettings
    datasets: dict[str, DatasetSettings]


def read_params(path: Path | None = None, changes: Sequence[str] = ()) -> Settings:
    """Reads and checks params.yaml; what it says of a single method or study is checked by whoever uses that.

    Args:
        path: the file; None: the one in the current folder.
        changes: values in the place of the file's; see `pipeline.config.overrides`.

    Raises:
        PipelineError: if the file is missing or no YAML, or a key is unknown, missing, ill-typed or out of range.
    """
    settings = read(Settings, path or PARAMS, changes=changes)
    _refuse_unknown(settings.fit, (section_of(name) for name in METHODS))
    # What reads the names of classes has its settings in a section of its own.
    _refuse_unknown(settings.studies, (name for name, study in STUDIES.items() if study.text != CLASS_NAMES))
    return settings


def _refuse_unknown(settings: FitSettings | StudiesSettings, names: Iterable[str]) -> None:
    """Refuses sections of methods, or studies, that there are not.

    Raises:
        PipelineError: if there is one.
    """
    known = {*names, *(each.name for each in fields(settings) if each.name != "sections")}
    for name, section in settings.sections.items():
        if name not in known:
            raise unknown("key", name, known, section.parent)
