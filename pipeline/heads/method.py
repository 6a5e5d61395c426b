"""What a method is to the rest of the pipeline: a module that fits and restores, and its entry in a registry."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import numpy as np

    from pipeline.heads.problem import Model, Problem, Run


TRAINING, PAIRS, BALANCE_WEIGHT = "training", "pairs", "balance_weight"
"""What several methods read: `fit.training` and `fit.pairs` of params.yaml, and the data set's lambda."""


ALONE = "Objective alone: the method is published with a backbone of its own training, which is left out here."
"""What stands below every table that marks such methods."""


class Method(Protocol):
    """A method's module.

    Its settings, if it has any, are a frozen data class `Settings` beside `fit`; see `FitSettings.section`.
    """

    def fit(self, problem: Problem, seeds: list[int]) -> Iterator[Run]:
        """One run for each seed; a run depends on its own seed alone."""

    def restore(self, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Model:
        """The model that `config` and `tensors` describe."""


@dataclass(frozen=True)
class MethodEntry:
    """A method's place in the registry."""

    module: str
    """Imported only where the method is used."""
    title: str
    """The name as papers write it, and as the published results have it."""
    ensemble: bool = False
    """Whether one run of it is made of many already."""
    objective_alone: bool = False
    """See `ALONE`."""
    text: str = ""
    """What text it reads: `CLASS_NAMES` or `NOUNS`; empty: none."""
    member: str = ""
    """What of the module is the method; empty: the module itself."""
    reads: tuple[str, ...] = ()
    """What it reads beside its own settings: `TRAINING`, `PAIRS`, `BALANCE_WEIGHT`, or the methods whose settings it
    reads too. A test fits every method without all else."""

    @property
    def marked(self) -> str:
        """The title, marked where it reads text."""
        return f"{self.title} (uses text)" if self.text else self.title

    def load(self) -> Method:
        """Imports the method."""
        module = importlib.import_module(self.module)
        return cast(Method, getattr(module, self.member) if self.member else module)


Methods = Mapping[str, MethodEntry]
"""A registry, by name and in the order in which methods are shown.

A stage that only shows or applies what methods have left is handed one. It depends on the saved heads, which the fit
makes anew when a method's code changes, and on the code of no method.
"""


def section_of(method: str) -> str:
    """The key of a method's settings below `fit:` in params.yaml."""
    return method.replace("-", "_")
