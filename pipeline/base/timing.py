"""How long the parts of a stage take, and how much memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


@dataclass
class Parts:
    """What the parts of a stage took, by their names."""

    seconds: dict[str, float] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    """The most memory of the process while the part was at work; on Linux alone."""
    inner_peaks: list[int] = field(default_factory=list)
    """Of the parts in work, the outermost first: the most memory before the last part in them ended."""


_parts: ContextVar[Parts | None] = ContextVar("parts", default=None)


@contextmanager
def timed() -> Iterator[Parts]:
    """Gives what `part` fills within the block."""
    parts = Parts()
    before = _parts.set(parts)
    try:
        yield parts
    finally:
        _parts.reset(before)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Adds the time of the block to a part of the stage that is timed; on a clock that nobody can set.

    Parts may lie in each other.
    """
    parts = _parts.get()
    if parts is None:
        yield
        return
    _raise_peak(parts)  # Of the part that this one lies in.
    parts.inner_peaks.append(0)
    _forget_peak()
    began = time.monotonic()
    try:
        yield
        parts.seconds[name] = parts.seconds.get(name, 0.0) + time.monotonic() - began
        _raise_peak(parts)
        if parts.inner_peaks[-1]:
            parts.peak_bytes[name] = max(parts.peak_bytes.get(name, 0), parts.inner_peaks[-1])
    finally:
        inner = parts.inner_peaks.pop()
        _raise_peak(parts, inner)


def _raise_peak(parts: Parts, inner: int = 0) -> None:
    """Counts what the process took so far, or a part that ended, to the part in work."""
    if parts.inner_peaks:
        parts.inner_peaks[-1] = max(parts.inner_peaks[-1], inner or process_peak() or 0)


def since_start() -> float | None:
    """Seconds since this process began; None where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        began = float(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    return None


def process_peak() -> int | None:
    """The most bytes of this process in memory since the part in work began; None where the system does not tell."""
    return _status("VmHWM")


def process_memory() -> int:
    """The bytes of this process in memory now; 0 where the system does not tell."""
    return _status("VmRSS") or 0


def _status(key: str) -> int | None:
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return None


def _forget_peak() -> None:
    """Lets the kernel count the peak anew (proc(5): clear_refs)."""
    with suppress(OSError):
        RESET.write_text("5")
