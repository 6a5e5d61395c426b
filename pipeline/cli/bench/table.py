"""What bench found, for people."""

from __future__ import annotations

from typing import Any


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures for people, a line each."""
    lines = []
    for name, values in found.items():
        lines.append(name)
        lines += [
            f"  {key:<20} {value:>12,.3g}" if isinstance(value, float) else f"  {key:<20} {value}"
            for key, value in values.items()
        ]
    return "\n".join(lines)
