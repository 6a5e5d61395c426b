"""Results of other settings than params.yaml's, in folders of their own beside those of the graph."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_json
from pipeline.config.names import OPTION
from pipeline.config.paths import VARIATIONS, Cell

SECTIONS = ("fit", "datasets")
"""What a variation may change: all else decides the embeddings, or no fit."""
LONGEST = 60
"""Characters of a folder's name that tell of the values."""


@dataclass(frozen=True)
class Variation:
    """Some values in the place of those of params.yaml."""

    changes: tuple[str, ...]
    """See `pipeline.config.overrides`."""

    @property
    def folder(self) -> Path:
        """Where its results are; the same for the same values in any order."""
        texts = sorted(re.sub(r"\s", "", change) for change in self.changes)
        words = "_".join(re.sub(r"[^\w.=+-]+", "-", text).strip("-") for text in texts)[:LONGEST]
        return VARIATIONS / f"{words}_{sha256_of_json(texts)[:8]}"

    @property
    def options(self) -> str:
        """The options that name it on a command line."""
        return " ".join(f"{OPTION} {shlex.quote(change)}" for change in self.changes)

    def cell(self, cell: Cell) -> Cell:
        """A cell with results of its own; its images, labels and features are those of the graph."""

        def place(name: str) -> Path:
            return self.folder / name / cell.dataset / cell.backbone

        return replace(
            cell,
            heads=place("heads"),
            predictions=place("predictions"),
            evaluation=place("evaluation"),
            kept=place("parts"),
        )

    def record(self, stage: str, *names: str) -> Path:
        """Where it is written down how a stage went."""
        return self.folder.joinpath("runs", stage, *names[:-1], f"{names[-1]}.json")


def variation_of(changes: Sequence[str] | None, study: str | None) -> Variation | None:
    """The variation that the options name; None: the graph itself.

    Raises:
        PipelineError: if they change what no fit reads, or a study is named beside.
    """
    if not changes:
        return None
    if study:
        raise PipelineError(f"{OPTION} {changes[0]}: a study has settings of its own; leave {OPTION} or --study out")
    for change in changes:
        if change.partition(".")[0].strip() not in SECTIONS:
            raise PipelineError(
                f"{OPTION} {change}: expected a value of {' or '.join(f'{name}:' for name in SECTIONS)}, which a fit "
                "reads; change others in params.yaml, or by 'dvc exp run -S'"
            )
    return Variation(tuple(changes))
