"""Many heads, one clustering: SCP's heads on several kinds of pairs, their consensus, and one head that predicts it.

Ours, in the spirit of ensembles of clusterings (Strehl and Ghosh, 2002; Fred and Jain, 2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipeline.distillation import distil, sure_half
from pipeline.ensemble import consensus, sureness
from pipeline.methods import run_seeds, scp
from pipeline.problem import Problem, Run
from pipeline.training import restore_head

restore = restore_head


def head_members(problem: Problem, seed: int, heads: int) -> list[np.ndarray]:
    """The clusters of the train images by so many heads for each kind of pairs, int (images,) each.

    What another method of the same fit trained is taken from there.
    """
    settings = problem.settings
    seeds = run_seeds(seed, heads)
    for kind in settings.consensus.pairs:
        missing = [each for each in seeds if (kind, each) not in problem.shared]
        if not missing:
            continue
        pairs = replace(settings, scp=replace(settings.scp, pairs=kind))
        given = replace(problem, settings=pairs, steps=(), progress=lambda _: None)
        for each, run in zip(missing, scp.fit(given, missing), strict=True):
            problem.shared[kind, each] = run.model.logits(problem.views[:, 0]).argmax(1)
    return [problem.shared[kind, each] for kind in settings.consensus.pairs for each in seeds]


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One ensemble for each seed; the loss is how far its heads are from agreeing, 0 to 1."""
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        members = head_members(problem, seed, problem.settings.consensus.heads)
        clusters = consensus(members, problem.dataset.clusters, seed)
        sure = sureness(members, clusters)
        model = distil(problem, clusters, sure_half(clusters, sure), problem.settings.consensus.steps, seed)
        yield Run(model, float(1 - sure.mean()))
