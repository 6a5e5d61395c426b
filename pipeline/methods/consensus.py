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


def head_members(problem: Problem, seed: int) -> list[np.ndarray]:
    """The clusters of the train images by each head of an ensemble, int (images,) each; trained once for a seed."""
    settings = problem.settings
    key = ("heads", seed, settings, problem.dataset)
    if key in problem.shared:
        return list(problem.shared[key])
    found = []
    for kind in settings.consensus.pairs:
        pairs = replace(settings, scp=replace(settings.scp, pairs=kind))
        given = replace(problem, settings=pairs, steps=(), progress=lambda _: None)
        runs = scp.fit(given, run_seeds(seed, settings.consensus.heads))
        found += [run.model.logits(problem.views[:, 0]).argmax(1) for run in runs]
    problem.shared[key] = found
    return list(found)


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One ensemble for each seed; the loss is how far its heads are from agreeing, 0 to 1."""
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        members = head_members(problem, seed)
        clusters = consensus(members, problem.dataset.clusters, seed)
        sure = sureness(members, clusters)
        model = distil(problem, clusters, sure_half(clusters, sure), problem.settings.consensus.steps, seed)
        yield Run(model, float(1 - sure.mean()))
