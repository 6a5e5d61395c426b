"""The command line in processes of its own, for tests that stop and kill it.

They are forked from one process that has imported what they need: with imports of its own each would take seconds more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pipeline.cli import main as cli

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(
    ["timm", "pipeline.cli.main", "pipeline.extraction.extract", "pipeline.methods.fit", "pipeline.heads.scp"]
)


def start(*arguments: str, said: Path | None = None, hangup: signal.Handlers | None = None) -> Any:
    """`pipeline …` in the folder where the test is, as a started `multiprocessing.Process`.

    Its output and its errors go to a file, if one is given. With `hangup` that file is a terminal, whose session it
    leads, and this is what it has been told to do when the terminal goes away.
    """
    process = FORKSERVER.Process(target=_run, args=(arguments, said, hangup))
    process.start()
    return process


def _run(arguments: tuple[str, ...], said: Path | None, hangup: signal.Handlers | None) -> None:
    if hangup is not None:
        os.setsid()  # The first terminal that is opened is then its own.
        signal.signal(signal.SIGHUP, hangup)
    if said is not None:
        file = os.open(said, os.O_RDWR | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(file, stream)
    sys.argv = ["pipeline", *arguments]
    cli.main()
