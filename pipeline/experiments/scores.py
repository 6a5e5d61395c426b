"""What `evaluate` found of a study's variants."""

from __future__ import annotations

from typing import Any

from pipeline.config.paths import Cell
from pipeline.heads.predictions import predicted_methods
from pipeline.report.cells import evaluate_command
from pipeline.report.cells import read_scores as scores_of


def read_scores(study: str, variant: Cell) -> dict[str, Any]:
    """What `evaluate` found of a variant, by method.

    Raises:
        PipelineError: if it has no scores yet.
    """
    methods = predicted_methods(variant.evaluation, evaluate_command(variant, None, study))
    return {name: scores_of(variant, name, (), study) for name in methods}
