"""What of all parameters a method is given: what decides its runs, and no more.

By it a kept run knows whether it still fits, and the graph which fits a changed value makes stale.
"""

from __future__ import annotations

from typing import Any

from pipeline.base.errors import PipelineError
from pipeline.config.names import CLASS_NAMES
from pipeline.config.params import plain
from pipeline.config.settings import DatasetSettings
from pipeline.heads.method import BALANCE_WEIGHT, PAIRS, TRAINING, Method, section_of
from pipeline.heads.settings import FitSettings
from pipeline.methods import METHODS, get_method, settings_of

FITTED_INSIDE = ("methods", "centred")
"""Settings of a method whose values are names of others."""


def fittable(settings: FitSettings, where: str = "params.yaml: fit.methods") -> dict[str, Method]:
    """The methods of a fit by name, all that params.yaml says of them checked.

    Args:
        settings: of the fit.
        where: the place that names its methods.

    Raises:
        PipelineError: if a method is unknown, reads the names of classes, one of its settings is wrong, or it reads no
            text and has one that does fitted.
    """
    methods = {}
    for name in settings.methods:
        if name in METHODS and METHODS[name].text == CLASS_NAMES:
            raise PipelineError(
                f"{where}: '{name}' reads text and is nothing to fit; run 'pipeline {name}' and remove it"
            )
        methods[name] = get_method(name, where)
        for each in read_by(settings, name):
            if each in METHODS and METHODS[each].text and not METHODS[name].text:
                own = settings_of(settings, name)
                key = next((key for key in FITTED_INSIDE if each in getattr(own, key, ())), FITTED_INSIDE[0])
                raise PipelineError(f"params.yaml: fit.{section_of(name)}.{key}: '{each}' reads text; remove it")
    return methods


def read_by(settings: FitSettings, name: str) -> list[str]:
    """What a method reads, itself first: methods whose settings it reads, and the words of `MethodEntry.reads`.

    The settings of `FITTED_INSIDE` name others that a method fits itself.
    """
    found: dict[str, None] = {}
    todo = [name]
    while todo:
        each = todo.pop(0)
        if each not in found and each in METHODS:
            own = settings_of(settings, each)
            todo += [*METHODS[each].reads, *(name for key in FITTED_INSIDE for name in getattr(own, key, ()))]
        found[each] = None
    return list(found)


def made_from(
    settings: FitSettings, dataset: DatasetSettings, name: str, views: int | None = None, steps: tuple[int, ...] = ()
) -> dict[str, Any]:
    """All parameters that decide what a fit leaves of a method, as plain data.

    Args:
        settings: the fit's.
        dataset: number of clusters and lambda.
        name: of the method.
        views: the first so many augmented views alone; None: all.
        steps: training steps before which the kept run's model is written too.

    Raises:
        PipelineError: if one of the method's settings is wrong.
    """
    given = {"seed": settings.seed, "runs": settings.runs, **given_to(settings, dataset, name)}
    return {**given, "views": views, "steps": list(steps)}


def given_to(settings: FitSettings, dataset: DatasetSettings, name: str) -> dict[str, Any]:
    """All values that decide a run of a method beside its seed, the embeddings and the code, as plain data.

    Raises:
        PipelineError: if one of its settings is wrong.
    """
    values: dict[str, Any] = {"method": name, "clusters": dataset.clusters}
    for each in read_by(settings, name):
        if each == BALANCE_WEIGHT:
            values[each] = dataset.balance_weight
        elif each in (TRAINING, PAIRS):
            values[each] = plain(getattr(settings, each))
        else:
            values[f"fit.{each}"] = plain(settings_of(settings, each))
    return values
