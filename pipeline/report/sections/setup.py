"""The section "Set-up": backbone, views, methods and the choice of the run."""

from __future__ import annotations

from typing import Any

from pipeline.report.cells import CellResult
from pipeline.report.settings import MetricsSettings


def setup_data(result: CellResult, _: MetricsSettings) -> dict[str, Any]:
    """How the embeddings were made: the manifest of each backbone; all else is in the cell."""
    return {"manifests": [part.manifest for part in result.features.parts]}
