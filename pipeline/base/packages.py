"""Packages that are no part of the installation: whether one is here."""

from __future__ import annotations

import importlib.metadata

from pipeline.base.errors import PipelineError


def check_package(package: str, what: str, otherwise: str) -> None:
    """Refuses what needs a package that is not installed; nothing is imported.

    Args:
        package: its name on PyPI.
        what: needs it.
        otherwise: what to do without it, such as ``leave it out``.

    Raises:
        PipelineError: if it is not installed.
    """
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise PipelineError(
            f"{what}: it needs {package}, which is not here; run 'uv pip install {package}', or {otherwise}"
        ) from None
