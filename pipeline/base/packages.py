"""Packages that are no part of the installation: whether they are here."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress

from pipeline.base.errors import PipelineError


def check_package(packages: str, what: str, otherwise: str) -> None:
    """Refuses what needs packages that are not installed; nothing is imported.

    Args:
        packages: their names on PyPI, with spaces between them.
        what: needs them.
        otherwise: what to do without them, such as ``leave it out``.

    Raises:
        PipelineError: if one is not installed.
    """
    missing = packages.split()
    for name in packages.split():
        with suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version(name)
            missing.remove(name)
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise PipelineError(
            f"{what}: it needs {' and '.join(missing)}, which {verb} not here; run 'uv pip install "
            f"{' '.join(missing)}', or {otherwise}"
        )
