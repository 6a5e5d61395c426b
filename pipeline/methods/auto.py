"""The clustering that the others agree with most, among methods of several kinds and their consensus: no label chooses.

Ours. What it is worth stands in the leaderboard (`pipeline compare`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipeline.distillation import distil, sure_half
from pipeline.ensemble import consensus, sureness
from pipeline.methods import get_method
from pipeline.problem import Problem, Run
from pipeline.selection import agreement
from pipeline.training import restore_head

restore = restore_head


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One choice for each seed, and one head that predicts it; the loss is minus the agreement of the choice."""
    settings = problem.settings
    clean = problem.views[:, 0]
    ensemble: Any = get_method("consensus")  # By its name, as a method imports no other.
    quiet = replace(problem, steps=(), progress=lambda _: None)
    for number, seed in enumerate(seeds):
        problem.progress(f"run {number + 1} of {len(seeds)}")
        members = ensemble.head_members(problem, seed, settings.auto.heads)
        for name, weight in settings.auto.methods.items():
            (run,) = get_method(name).fit(quiet, [seed])
            members += [run.model.logits(clean).argmax(1)] * weight
        candidates = [consensus(members, problem.dataset.clusters, seed), *members]
        scores = agreement(candidates)
        chosen = candidates[int(scores.argmax())]
        rows = sure_half(chosen, sureness(members, chosen))
        yield Run(distil(problem, chosen, rows, settings.consensus.steps, seed), -float(scores.max()))
