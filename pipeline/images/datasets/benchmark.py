"""The labelled sets that methods are compared on, and which of them are sealed: see docs/benchmark.md."""

from __future__ import annotations

import hashlib

LOOKED_AT = ("digits", "mnist-5k", "printed-digits", "tuxpaint", "emoji", "emoji-twitter")
"""Sets for development because methods were settled on them, or measured, with their labels in sight."""
SETS = (
    *("pysiogame", "scratch", "scratch-letters", "mate-icons", "oxygen-icons", "dia-shapes", "diagrams"),
    *("wesnoth-portraits", "wesnoth-units", "freeorion", "freeciv-flags"),
    *("endless-sky-landscapes", "endless-sky-outfits", "stellarium-constellations", "stellarium-deep-sky"),
    "printed-scripts",
)
"""Sets on which nothing had been measured when they were divided. The list is closed: another name would move some."""
FOR_DEVELOPMENT = 8


def divided() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of `SETS` for development, and the sealed ones.

    In the order of the SHA-256 of their names (UTF-8, as hexadecimal digits) the first eight are for development.
    """
    ordered = sorted(SETS, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return tuple(ordered[:FOR_DEVELOPMENT]), tuple(ordered[FOR_DEVELOPMENT:])
