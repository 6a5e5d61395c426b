"""What people are told of an extraction: how far it is, and where the time went."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import timedelta

from tqdm import tqdm

from pipeline.base.provenance import Run

LOG_SECONDS = 10.0
"""How often progress is told where stderr is no terminal."""


@dataclass
class Timings:
    """Where the time of an extraction went, in seconds.

    All but `wall` is the sum over threads that work beside each other, so the parts may add up to several times `wall`.
    """

    images: int = 0
    """Of which an embedding was computed."""
    reused: int = 0
    renewed: bool = False
    """Whether there were shards of an earlier version, whose embeddings are others."""
    widened: int = 0
    """Of the images: those of which some views were known, and the others were computed."""
    read: float = 0.0
    augment: float = 0.0
    forward: float = 0.0
    write: float = 0.0
    wall: float = 0.0
    halved: int = 0
    """How often the batch was halved, as memory ran out."""

    def add(self, other: Timings) -> None:
        """Adds what another part of the extraction took, which may have run at the same time."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def line(self, device: str) -> str:
        """The summary for people."""
        rate = self.images / self.wall if self.wall else 0.0
        return (
            f"{self.images:,} computed on {device} in {self.wall:.1f} s ({rate:.0f} images/s), {self.reused:,} reused; "
            f"read {self.read:.1f} s, augment {self.augment:.1f} s, backbone {self.forward:.1f} s, "
            f"write {self.write:.1f} s"
            + (f"; of {self.widened:,} some views were there and the others were added" if self.widened else "")
            + ("; embeddings of an earlier version were made anew" if self.renewed else "")
            + (f"; the batch was halved {self.halved} times, as memory ran out" if self.halved else "")
        )


@contextmanager
def shown_progress(title: str, total: int, reused: int) -> Iterator[Callable[..., object]]:
    """Shows on stderr how far an extraction is; gives what is to be called after an image, or after so many.

    A bar in a terminal; in a log a plain line at the start and every `LOG_SECONDS`.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, initial=reused, desc=title, unit=" images", mininterval=0.2, smoothing=0.05) as bar:
            yield bar.update
        return
    began = told = time.monotonic()
    count = reused

    def say(text: str) -> None:
        with suppress(OSError):  # A log that cannot be written, on a full disk, is no reason to stop.
            print(f"{title}: {count:,} of {total:,} images{text}", file=sys.stderr, flush=True)

    def update(images: int = 1) -> None:
        nonlocal count, told
        count += images
        now = time.monotonic()
        if now - told >= LOG_SECONDS:
            told = now
            rate = (count - reused) / (now - began)
            say(f", {rate:.1f} images/s, {timedelta(seconds=round((total - count) / rate))} left")

    say("")
    yield update


def note(run: Run, timings: Timings) -> None:
    """Adds an extraction to how a run went."""
    images = run.notes.setdefault("images", {"computed": 0, "reused": 0})
    images["computed"] += timings.images
    images["reused"] += timings.reused
    if timings.halved:
        run.notes["batch_halved"] = run.notes.get("batch_halved", 0) + timings.halved
    for name in ("read", "augment", "forward", "write"):
        run.parts.seconds[name] = run.parts.seconds.get(name, 0.0) + getattr(timings, name)
