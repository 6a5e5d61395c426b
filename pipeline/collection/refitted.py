"""A result fitted once more: to fewer of its pictures, and with other seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.collection.disturbed import drawn
from pipeline.collection.fitting import suited
from pipeline.collection.settings import ClusterSettings
from pipeline.collection.stability import FEWER, SEEDS, Planned, Trial, renumbered
from pipeline.config.settings import DatasetSettings
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings
from pipeline.methods import get_method
from pipeline.methods.fitted import fit_method

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Fit:
    """How a result was fitted, and to what."""

    method: str
    settings: FitSettings
    choice: ClusterSettings
    dataset: DatasetSettings
    parts: tuple[int, ...]
    """See `Problem`."""
    device: str

    def suited_to(self, images: int) -> FitSettings:
        """The settings for so many pictures."""
        choice = replace(self.choice, runs=self.settings.runs)
        return suited(self.settings, choice, self.method, images, self.dataset.clusters)


def refits(
    fit: Fit, views: np.ndarray, keys: Sequence[str], clusters: np.ndarray, watch: Callable[[str], Progress]
) -> list[Planned]:
    """The fits to be made: those to fewer pictures with the seed of the result, those with other seeds to all.

    Args:
        fit: of the result.
        views: float16 (n, 1 + views, dim), the embeddings of all pictures.
        keys: of the pictures, by which they are drawn.
        clusters: int (n,), of the result.
        watch: takes the name of a fit, and gives what takes how far it is.
    """
    settings, every = fit.choice.robustness, np.arange(len(keys))
    near = Neighbours(lambda: unit_length(views[:, 0].astype(np.float32)))
    fewer = max(fit.dataset.clusters, round(settings.share * len(keys)))

    def planned(kind: str, number: int, rows: np.ndarray, seed: int) -> Planned:
        name, whole = f"{kind}-{number + 1}", len(rows) == len(views)
        given = replace(fit.suited_to(len(rows)), seed=seed)

        def make() -> Trial:
            own, known = (views, near) if whole else (views[rows], None)
            problem = Problem(own, given, fit.dataset, fit.device, watch(name), given_near=known, parts=fit.parts)
            clean, everyone = [own[:, 0].astype(np.float32)], np.ones(len(rows), dtype=bool)
            seeds = run_seeds(given.seed, given.runs)
            found = fit_method(fit.method, get_method(fit.method), problem, seeds, clean, everyone)
            return Trial(kind, rows, renumbered(clusters[rows], found.kept.order[:, 0]))

        made_from = [rows.tolist(), given.plain(), fit.dataset.clusters, fit.dataset.balance_weight, fit.device]
        return Planned(name, kind, len(rows), made_from, make)

    seed, numbers = fit.settings.seed, range(settings.repeats)
    return [
        *(planned(FEWER, number, drawn(keys, fewer, settings.seed, number), seed) for number in numbers),
        *(planned(SEEDS, number, every, seed + 1 + number) for number in numbers),
    ]
