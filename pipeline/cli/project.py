"""The project that a command works in: its params.yaml."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pipeline.base.errors import unknown
from pipeline.config.params import PARAMS, read
from pipeline.experiments.settings import Settings
from pipeline.heads.method import section_of
from pipeline.heads.settings import FitSettings
from pipeline.methods import METHODS


def read_params(path: Path = PARAMS) -> Settings:
    """Reads and checks params.yaml; what it says of a single method is checked by whoever uses the method.

    Raises:
        PipelineError: if the file is missing or no YAML, or a key is unknown, missing, ill-typed or out of range.
    """
    settings = read(Settings, path)
    known = {section_of(name) for name in METHODS}
    for name, section in settings.fit.sections.items():
        if name not in known:
            raise unknown("key", name, [*known, *(each.name for each in fields(FitSettings))], section.parent)
    return settings
