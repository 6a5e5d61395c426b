"""What the record of a run says of its extractions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.base.provenance import Run
    from pipeline.extraction.timings import Timings


def note(run: Run, timings: Timings) -> None:
    """Adds an extraction to how a run went."""
    images = run.notes.setdefault("images", {"computed": 0, "reused": 0})
    images["computed"] += timings.images
    images["reused"] += timings.reused
    if timings.halved:
        run.notes["batch_halved"] = run.notes.get("batch_halved", 0) + timings.halved
    for name in ("read", "augment", "forward", "write"):
        run.parts.seconds[name] = run.parts.seconds.get(name, 0.0) + getattr(timings, name)
