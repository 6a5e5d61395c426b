"""`pipeline browse` as a process of its own, for tests that ask it as people and their browsers do."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MINUTE = 60


@contextmanager
def browsing(result: Path, *options: str) -> Iterator[str]:
    """Serves a result while the block uses the page's address; then Ctrl-C ends it without another word."""
    command = [sys.executable, "-m", "pipeline", "browse", str(result), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("page: ").strip()
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=MINUTE)
    assert (process.returncode, out) == (0, "")
    assert err == "Only this machine reaches it, by this address. Ctrl-C ends it.\n"
