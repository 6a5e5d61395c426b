"""The file of a saved head, found without reading it."""

from __future__ import annotations

from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.config.names import HEAD

AGAIN = "run 'pipeline fit' or 'pipeline cluster', which make it"
"""How people get a head where none can be read."""


def head_file(head: Path) -> Path:
    """The file of a head that is named by itself, by its folder, or by the result of `pipeline cluster` that holds it.

    Raises:
        PipelineError: if nothing is there.
    """
    path = head / HEAD if head.is_dir() else head
    in_result = head / "head" / HEAD
    if not path.exists() and in_result.exists():
        return in_result
    if not path.exists():
        raise missing(path)
    return path


def missing(path: Path) -> PipelineError:
    """The error for a head that is not there."""
    return PipelineError(f"{path}: there is no fitted head here; {AGAIN}")
