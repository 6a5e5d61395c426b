"""What a fit has cost, as its record beside the results tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def seconds_a_run(record: Mapping[str, Any], method: str, runs: int) -> float | None:
    """The seconds that a run of a method took; None where none was computed, or nothing tells.

    Args:
        record: of the fit, as `pipeline.base.provenance` writes it; empty where there is none.
        method: one of those that were fitted.
        runs: how many there are of it.
    """
    seconds = record.get("seconds", {}).get(method)
    # A fit that went on where another was stopped computed the others before.
    computed = record.get("runs", {}).get(method, {}).get("computed", runs)
    return seconds / computed if seconds and computed else None
