"""Problems with nouns: embeddings in the places of words, some of them near groups of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.features.lengths import unit_length
from pipeline.features.nouns import LISTS, NounCache, noun_file, write_nouns
from pipeline.heads.problem import Problem

WEIGHTS = "0" * 64


def write(folder: Path, near: np.ndarray, spread: float = 0.5, seed: int = 0) -> NounCache:
    """Nouns around the embeddings (n, dim), ten for each of at most 40, and as many elsewhere."""
    rng = np.random.default_rng(seed)
    places = near[rng.permutation(len(near))[:40]].astype(np.float32).repeat(10, 0)
    scale = spread * np.abs(places).mean()
    around = places + rng.normal(0, scale, places.shape)
    nouns = unit_length(np.concatenate([around, rng.normal(size=places.shape)]).astype(np.float32))
    nouns = nouns[rng.permutation(len(nouns))]
    for name in LISTS:
        write_nouns(noun_file(folder, name), nouns, np.arange(len(nouns)), {"weights_sha256": WEIGHTS})
    return NounCache(folder, "clip", WEIGHTS)


def with_nouns(problem: Problem, folder: Path) -> Problem:
    """The problem with nouns around its images."""
    return replace(problem, given_nouns=write(folder, problem.views[:, 0]))
