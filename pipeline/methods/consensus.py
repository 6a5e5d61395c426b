"""Many small heads, one clustering: SCP's heads, their consensus, and one head that predicts it.

Ours, in the spirit of ensembles of clusterings (Strehl and Ghosh, 2002; Fred and Jain, 2005). Small heads, briefly
trained, are as accurate one by one as a large one and cost a tenth; and their mistakes differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

from pipeline.base.kept import Part
from pipeline.config.types import Count, Range, Share
from pipeline.heads import scp
from pipeline.heads.distillation import distil
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import IMAGES_PER_CLUSTER, Pairs
from pipeline.heads.training import restore_head
from pipeline.methods.ensemble import consensus, drawn, sureness
from pipeline.methods.given import given_to

restore = restore_head


@dataclass(frozen=True)
class Settings:
    """An ensemble of SCP's heads; see `pipeline.methods.consensus`. What it does not name is as `training` has it."""

    heads: Count
    pairs: Pairs
    balance_target: Share
    hidden: tuple[Count, ...]
    batch: Annotated[int, Range(2)]
    epochs: Count
    min_steps: Count
    most_images: Annotated[int, Range(2)]
    """Of more images a sample is looked at."""
    steps: Count
    """Of the training of the head that predicts the consensus."""


def head_members(problem: Problem, seed: int) -> list[np.ndarray]:
    """The clusters of the train images by each of the heads, int (images,) each.

    What another method on the same embeddings trained is taken from there, be it in another process.
    """
    settings = problem.settings.section("consensus", Settings)
    seeds = run_seeds(seed, settings.heads)
    small = replace(
        problem.settings.training,
        hidden=settings.hidden,
        batch=max(settings.batch, IMAGES_PER_CLUSTER * problem.dataset.clusters),
        epochs=settings.epochs,
        min_steps=settings.min_steps,
    )
    given = replace(problem.settings, training=small).with_section(
        "scp", pairs=settings.pairs, balance_target=settings.balance_target
    )
    found = _Found(problem, [given_to(given, problem.dataset, "scp"), len(problem.views)])
    missing = [each for each in seeds if found.before(each) is None]
    if missing:
        quiet = replace(problem.inside(), settings=given)
        for each, run in zip(missing, scp.fit(quiet, missing), strict=True):
            found.keep(each, run.model.logits(problem.views[:, 0]).argmax(1))
    return [problem.shared["head", each] for each in seeds]


@dataclass(frozen=True)
class _Found:
    """The clusters that heads found: in the fit's memory, and on the disk for those to come."""

    problem: Problem
    made_from: Any

    def before(self, seed: int) -> np.ndarray | None:
        shared, store = self.problem.shared, self.problem.store
        if ("head", seed) not in shared and store:
            part = store.read(f"shared/head-{seed}", self.made_from)
            if part is not None:
                shared["head", seed] = part.arrays["clusters"]
        found: np.ndarray | None = shared.get(("head", seed))
        return found

    def keep(self, seed: int, clusters: np.ndarray) -> None:
        self.problem.shared["head", seed] = clusters
        if self.problem.store:
            self.problem.store.write(f"shared/head-{seed}", self.made_from, Part(None, {"clusters": clusters}))


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One ensemble for each seed; the loss is how far its heads are from agreeing, 0 to 1."""
    settings = problem.settings.section("consensus", Settings)
    problem = drawn(problem, settings.most_images)
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        members = head_members(problem, seed)
        clusters = consensus(members, problem.dataset.clusters, seed)
        sure = sureness(members, clusters)
        model = distil(problem, clusters, sure, settings.steps, seed)
        yield Run(model, float(1 - sure.mean()))
