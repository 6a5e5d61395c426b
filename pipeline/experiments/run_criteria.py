"""The criteria by which runs can be chosen without labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.experiments.studies import leaderboard
from pipeline.features import quality
from pipeline.features.components import Components
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours

COMPONENTS = 50
"""Principal components that the linear model sees."""
CRITERIA = ("agreement", "neighbours", "linear model", "silhouette")
LOSS = "training loss"
"""It compares the runs of one method alone."""


def run_criteria(
    runs: Sequence[np.ndarray], clean: np.ndarray, study: leaderboard.Settings
) -> list[dict[str, np.ndarray]]:
    """The value of every criterion for each run of each method, int (images, runs) each."""
    rows = unit_length(clean.astype(np.float32))
    near, _ = neighbours(rows, study.neighbours)
    components = Components.of(clean, COMPONENTS).project(clean)
    flat = [run for each in runs for run in each.T]
    values = {
        "agreement": quality.agreement(flat),
        "neighbours": np.array([quality.neighbour_kappa(run, near) for run in flat]),
        "linear model": np.array([quality.linear_kappa(components, run) or 0.0 for run in flat]),
        "silhouette": np.array([quality.silhouette(rows, run, study.silhouette_images, study.seed) for run in flat]),
    }
    ends = np.cumsum([each.shape[1] for each in runs])[:-1]
    split = {name: np.split(each, ends) for name, each in values.items()}
    return [{name: split[name][number] for name in CRITERIA} for number in range(len(runs))]
