"""What the study will cost, for people, before it starts."""

from __future__ import annotations

from pipeline.experiments.robustness.trials import corruptions, fitted_with, trials
from pipeline.experiments.settings import RobustnessStudy
from pipeline.heads.settings import FitSettings

SECONDS_AN_EMBEDDING = 0.004
"""On two cores, of the embedded backbone at 96 pixels; larger pictures take as much longer as they have more pixels."""
SECONDS_A_RUN = {"scp": 14, "consensus": 20, "auto": 40, "umap-kmeans": 3}
"""On two cores, of 1,000 pictures; methods that do not stand here take about a second."""


def cost(part: str, study: RobustnessStudy, fit: FitSettings, cells: int) -> str:
    """What a part will do at most, and about how long that takes on two cores.

    Args:
        part: ``extract`` or ``fit``.
        study: its settings.
        fit: of the methods.
        cells: how many.
    """
    if part == "extract":
        names = {each.name for each in corruptions(study)}
        sets = 1 + len(names)
        views = sets + (1 + len(names & {*study.refitted})) * study.views  # What is not fitted is seen clean alone.
        embeddings = cells * study.images * views
        minutes = embeddings * SECONDS_AN_EMBEDDING / 60
        what = f"{cells * sets} sets of pictures, {embeddings:,} embeddings"
    else:
        again = len(list(trials(study)))
        runs = cells * (study.runs + again * study.refit_runs)
        methods = fitted_with(study, fit)
        seconds = sum(SECONDS_A_RUN.get(method, 1) for method, _ in methods.values())
        minutes = runs * seconds / 60
        what = f"{runs * len(methods):,} runs of {len(methods)} methods, {cells * (1 + again)} fits of each"
    return f"{part}: at most {what}; about {max(1, round(minutes))} minutes on two cores"
