"""How far a command is, for people: in place in a terminal, line by line elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable


def progress_line(title: str) -> Callable[[str], None]:
    """A function that shows how far a fit is: in place in a terminal, one line a run elsewhere."""
    terminal = sys.stderr.isatty()
    shown: set[str] = set()

    def show(text: str) -> None:
        run = text.split(",")[0]
        if terminal:
            print(f"\r\033[K{title}: {text}", end="", file=sys.stderr, flush=True)
        elif run not in shown:
            shown.add(run)
            # With its end in one piece: runs beside each other tell of themselves from threads.
            print(f"{title}: {run}\n", end="", file=sys.stderr, flush=True)

    return show
