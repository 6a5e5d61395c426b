from __future__ import annotations

import numpy as np
import pytest

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.problem import Problem


@pytest.fixture
def groups() -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of three groups and no views, float16 (90, 1, 8), and the group of each."""
    rng = np.random.default_rng(0)
    truth = np.arange(90) % 3
    return (4 * np.eye(3, 8)[truth] + rng.normal(0, 0.3, (90, 8)))[:, None].astype(np.float16), truth


@pytest.fixture
def problem(groups: tuple[np.ndarray, np.ndarray], settings: Settings) -> Problem:
    """The groups, to be fitted for a moment."""
    fit = settings.fit.with_section("tac", batch=45, epochs=3).with_section("sic", batch=45, epochs=3)
    return Problem(groups[0], fit, DatasetSettings(3, 5.0, None, "published"), "cpu", lambda _: None)
