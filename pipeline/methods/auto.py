"""The clustering that the others agree with most, among methods of several kinds and their consensus: no label chooses.

Ours. What it is worth stands in the leaderboard (`pipeline compare`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.timing import part
from pipeline.config.types import Count
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.features.quality import agreement
from pipeline.heads.distillation import distil
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import run_seeds
from pipeline.heads.training import restore_head
from pipeline.methods import consensus as consensus_heads
from pipeline.methods import get_method
from pipeline.methods.ensemble import consensus, drawn, sureness
from pipeline.methods.voting import Labelled

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """The choice among methods; see `pipeline.methods.auto`."""

    methods: dict[str, Count]
    """Those that stand beside consensus' heads, and how many runs of each."""
    centred: dict[str, Count] = field(default_factory=dict)
    """Those that stand there too, fitted to embeddings without their mean, which is no difference between images."""


@dataclass(frozen=True)
class Choice:
    """A clustering of the train images among others, each int (images,)."""

    members: list[np.ndarray]
    """By the heads, then by the other methods."""
    consensus: np.ndarray
    """Of all members."""
    clusters: np.ndarray
    """The one of these that was chosen."""
    agreement: float
    """Of the others with it."""


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One choice for each seed, and one head that predicts it; the loss is minus the agreement of the choice."""
    settings = problem.settings.section("consensus", consensus_heads.Settings)
    problem = drawn(problem, settings.most_images)
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        made = choose(problem, seed)
        with part("distil"):
            model = distil(problem, made.clusters, sureness(made.members, made.clusters), settings.steps, seed)
        yield Run(model, -made.agreement)


def choose(problem: Problem, seed: int) -> Choice:
    """Fits the members, and takes the clustering that the others agree with most."""
    with part("heads"):
        members = consensus_heads.head_members(problem, seed)
    members += others(problem, seed)
    candidates = [consensus(members, problem.dataset.clusters, seed), *members]
    # Of few images the heads may agree on fewer clusters than were asked for, which nobody wants to get.
    used = np.array([len(np.unique(each)) for each in candidates])
    scores = np.where(used == used.max(), agreement(candidates), -1.0)
    best = int(scores.argmax())
    return Choice(members, candidates[0], candidates[best], float(scores[best]))


def others(problem: Problem, seed: int) -> list[np.ndarray]:
    """The clusters of the train images by each run of the other methods, int (images,) each.

    A method that cannot be fitted to so few images is left out, and that is told; where none is left, k-means stands
    in.
    """
    settings = problem.settings.section("auto", Settings)
    members = _members(problem, settings.methods, seed)
    if settings.centred:
        members += _members(centred(problem), settings.centred, seed)
    if not members:
        members = [_clusters(problem, run) for run in get_method("kmeans").fit(problem.inside(), [seed])]
    return members


def centred(problem: Problem) -> Problem:
    """The problem on embeddings without the mean of the clean ones; nothing is shared with other methods."""
    views = problem.views - problem.views[:, 0].mean(0, dtype=np.float32).astype(problem.views.dtype)
    near = Neighbours(lambda: unit_length(views[:, 0].astype(np.float32)))
    return replace(problem, views=views, given_near=near, shared={}, store=None)


def _members(problem: Problem, methods: dict[str, int], seed: int) -> list[np.ndarray]:
    """The clusters by so many runs of each method that can be fitted."""
    quiet = problem.inside()
    members: list[np.ndarray] = []
    for name, count in methods.items():
        try:
            with part(name):
                runs = list(get_method(name).fit(quiet, run_seeds(seed, count)))
        except PipelineError as error:
            problem.progress(f"without {error}")
            continue
        members += [_clusters(problem, run) for run in runs]
    return members


def _clusters(problem: Problem, run: Run) -> np.ndarray:
    """Of the train images, int (images,)."""
    if isinstance(run.model, Labelled):
        return run.model.assigned  # Nobody needs to vote.
    found: np.ndarray = run.model.logits(problem.views[:, 0]).argmax(1)
    return found
