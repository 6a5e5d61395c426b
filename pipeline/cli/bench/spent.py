"""What a turn of a benchmark took, and whether it had the machine to itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_TAKEN = 0.1
"""Of the cores: a floor, which has work for each all the time, misses no more of them where nothing else runs."""


@dataclass(frozen=True)
class Spent:
    """What a turn took, in seconds."""

    seconds: float
    processor: float
    """Of all threads together."""


def clock() -> Callable[[], Spent]:
    """What says how much was spent since now."""
    began, used = time.perf_counter(), time.process_time()
    return lambda: Spent(time.perf_counter() - began, time.process_time() - used)


def taken_by_others(floors: Sequence[Spent], cores: int) -> float:
    """The largest share of the cores, 0 to 1, that a turn of a floor did not get."""
    return max(max(0.0, 1 - floor.processor / (floor.seconds * cores)) for floor in floors)


def fair(by_clock: float, by_processor: float, taken: float) -> float:
    """The ratio to trust: seconds are no bound where the one had less of the machine than the other."""
    return by_clock if taken <= MOST_TAKEN else by_processor
