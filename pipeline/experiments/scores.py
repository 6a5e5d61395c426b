"""What `evaluate` found of a study's variants."""

from __future__ import annotations

from typing import Any

from pipeline.base.files import read_json
from pipeline.config.names import SCORES
from pipeline.config.paths import Cell


def read_scores(study: str, variant: Cell) -> dict[str, Any]:
    """What `evaluate` found of a variant.

    Raises:
        PipelineError: if it has no scores yet.
    """
    again = f"pipeline evaluate --study {study} --dataset {variant.dataset} --backbone {variant.backbone}"
    return read_json(variant.evaluation / SCORES, again)
