"""How far the runs of a method spread, and how sure that makes their mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.95
INTERVAL = "95 % interval"
ABOUT = (
    "In percent. Over the runs, which differ in their seed alone: mean ± standard deviation, and Student's t interval "
    "of the mean (95 %; none for one run, or where all are alike). Kept: the run of least training loss, chosen "
    "without labels. Oracle: the best run, chosen with labels."
)
"""What stands above or below every table of runs."""


def margin(std: float, runs: int) -> float | None:
    """Half the 95 % interval of a mean over runs, by Student's t; None for one run, or where all runs are alike.

    The spread is that of the seeds: on one data set nothing is said of others. As many runs as there were are all that
    it assumes, and that their mean is about normal.

    Args:
        std: of the sample.
        runs: how many.
    """
    if runs < 2 or std == 0:
        return None
    from scipy.special import stdtrit

    return float(stdtrit(runs - 1, (1 + LEVEL) / 2)) * std / math.sqrt(runs)


@dataclass(frozen=True)
class Spread:
    """A metric of a method's runs, in percent."""

    runs: int
    mean: float
    std: float
    kept: float
    oracle: float

    @staticmethod
    def of(found: Mapping[str, Any], runs: int) -> Spread:
        """From what `evaluate` found, 0..1."""
        return Spread(runs, *(100 * found[name] for name in ("mean", "std", "kept", "oracle")))

    @staticmethod
    def of_values(values: np.ndarray, kept: int, best: int) -> Spread:
        """From a metric of each run, 0..1, and the numbers of the kept run and the best one."""
        std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        return Spread(len(values), *(100 * float(each) for each in (values.mean(), std, values[kept], values[best])))

    @staticmethod
    def columns(title: str) -> list[str]:
        """The head of a table whose rows are `cells`."""
        return [f"{title} mean ± std", f"{title} {INTERVAL}", f"{title} kept", f"{title} oracle"]

    def cells(self) -> list[str]:
        """What a table shows."""
        spread = f" ± {self.std:.1f}" if self.runs > 1 else ""
        return [f"{self.mean:.1f}{spread}", interval(self.mean, self.margin), f"{self.kept:.1f}", f"{self.oracle:.1f}"]

    @staticmethod
    def plain_columns(title: str) -> list[str]:
        """The head of a table whose rows are `plain`."""
        return [f"{title} {name}" for name in ("mean", "std", "low", "high", "kept", "oracle")]

    def plain(self) -> list[object]:
        """The same as numbers, one a column; nothing where there is no interval."""
        found = ends(self.mean, self.margin)
        both = ["", ""] if found is None else [round(end, 4) for end in found]
        return [round(self.mean, 4), round(self.std, 4), *both, round(self.kept, 4), round(self.oracle, 4)]

    @property
    def margin(self) -> float | None:
        """See `margin`."""
        return margin(self.std, self.runs)


def ends(mean: float, half: float | None) -> tuple[float, float] | None:
    """Where an interval begins and ends, in percent; None where there is none.

    It is cut at 100 and, unless the mean is below, at 0: Student's t does not know that no score lies beyond.
    """
    if half is None:
        return None
    low, high = mean - half, mean + half
    return low if mean < 0 else max(low, 0.0), min(high, 100.0)


def interval(mean: float, half: float | None) -> str:
    """An interval as text, such as ``68.1 to 70.7``; empty where there is none."""
    found = ends(mean, half)
    return "" if found is None else f"{found[0]:.1f} to {found[1]:.1f}"
