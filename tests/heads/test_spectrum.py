"""The spectral clusters of affinities."""

from __future__ import annotations

import numpy as np

from pipeline.evaluation.scores import accuracy
from pipeline.heads.spectrum import spectral_clusters


def test_blocks_of_affinities_are_the_spectral_clusters() -> None:
    truth = np.random.default_rng(0).integers(0, 4, 60)
    affinities = 0.05 + (truth[:, None] == truth) * np.random.default_rng(1).uniform(0.5, 1, (60, 60))
    assert accuracy(spectral_clusters((affinities + affinities.T) / 2, 4), truth) == 1
