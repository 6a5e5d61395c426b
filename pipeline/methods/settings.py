"""settings: params.yaml -> a file for each method with just what it is given, on which its fits depend.

So a changed value makes those fits stale that read it: one of SCP's leaves k-means alone, one of k-means makes spectral
clustering stale, which ends in k-means.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.base.files import folder_replaced, write_json
from pipeline.config.settings import DatasetSettings
from pipeline.heads.settings import FitSettings
from pipeline.methods.given import fittable, given_to


def write_settings(settings: FitSettings, dataset: DatasetSettings, folder: Path) -> list[str]:
    """Writes `<method>.json` for each method of a fit; what was there is replaced.

    Args:
        settings: the fit's.
        dataset: number of clusters and lambda.
        folder: of the data set.

    Returns:
        the names of the methods.

    Raises:
        PipelineError: see `fittable`.
    """
    with folder_replaced(folder) as aside:
        for name in fittable(settings):
            given = {"seed": settings.seed, "runs": settings.runs, **given_to(settings, dataset, name)}
            write_json(aside / f"{name}.json", given)
    return list(settings.methods)
