"""How long the parts of a stage take, for whoever asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_seconds: ContextVar[dict[str, float] | None] = ContextVar("seconds", default=None)


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Gives a dict that `part` fills within the block: seconds by the part's name."""
    seconds: dict[str, float] = {}
    before = _seconds.set(seconds)
    try:
        yield seconds
    finally:
        _seconds.reset(before)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Adds the time of the block to a part of the stage that is timed; on a clock that nobody can set."""
    began = time.monotonic()
    yield
    seconds = _seconds.get()
    if seconds is not None:
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began
