"""The command line: the app with its commands, signals, and how an error ends.

The commands stand in one file a group. They read options and call one stage; heavy imports stay inside of them.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline.base.errors import PipelineError
from pipeline.base.remote import told
from pipeline.base.text import shown
from pipeline.base.waiting import wait_briefly
from pipeline.cli import browse, disturb, edit, experiments, fitting, graph, machine, pictures, robustness

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Pictures of your own": (
        pictures.cluster,
        pictures.estimate,
        pictures.predict,
        pictures.search,
        browse.browse,
        edit.edit,
        pictures.export,
        pictures.duplicates,
        robustness.robustness,
    ),
    "Stages of the graph, on the data sets of params.yaml": (
        graph.prepare,
        graph.extract,
        fitting.settings,
        fitting.fit,
        fitting.evaluate,
        graph.metrics,
    ),
    "Experiments beside the graph": (
        experiments.nouns,
        experiments.zero_shot,
        experiments.tables,
        experiments.trial,
        experiments.compare,
        experiments.systems,
        experiments.theorem,
        experiments.figures,
        disturb.disturb,
    ),
    "What there is, this machine and its files": (
        machine.methods,
        machine.backbones,
        machine.datasets,
        machine.verify,
        machine.bench,
        machine.doctor,
    ),
}
"""The commands in the order in which the help lists them."""


class Grouped(TyperGroup):
    """Commands whose help lists them by group."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes a section for each of `GROUPS`, each command with the first paragraph of its help."""
        by_function = {command.callback.__name__: command for command in self.commands.values() if command.callback}
        for title, functions in GROUPS.items():
            commands = [by_function[function.__name__] for function in functions]
            with formatter.section(title):
                formatter.write_dl([(each.name, each.get_short_help_str(limit=SHORT)) for each in commands])


SHORT = 200
"""Characters of a command's line in the help."""

app = typer.Typer(
    cls=Grouped,
    help="Image clustering without text and without labels, on frozen features (SCP).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich takes twice as long to import as all else that the help needs.
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _commands in GROUPS.values():
    for _command in _commands:
        app.command()(_command)

STOPPED = (130, 143)
"""The exit codes that every shell gives a command stopped by Ctrl-C, and typer too, or by SIGTERM."""


AGAIN = "the same command goes on from there"
ROWS = "shards of a few hundred pictures"
KEPT = {
    "extract": f"what is finished is kept, {AGAIN}",
    "fit": f"every run that has ended is kept, {AGAIN}",
    "cluster": f"what is finished is kept (embeddings by {ROWS}, runs, the estimate), {AGAIN}",
    "estimate": f"embeddings are kept by {ROWS}, the estimate itself begins anew",
    "predict": "nothing of it is kept, the same command begins anew",
    "search": "nothing of it is kept, the same command begins anew",
    "browse": "what the page said was saved is in edits.json, the same command opens it again",
    "edit": "edits.json is as before or has the action, 'pipeline edit RESULT list' says which",
    "export": "what was linked, copied or moved stays, and a move's undo.csv names it",
    "duplicates": "what was moved stays, its undo.csv names it, and the same command goes on",
    "robustness": f"fits and disturbed pictures that are finished are kept, {AGAIN}",
    "prepare": "data sets that are done are kept, the one in work begins anew",
    "settings": "data sets that are done are kept, the one in work begins anew",
    "nouns": f"what is embedded is kept, {AGAIN}",
    "zero-shot": "cells that are done are kept, the one in work begins anew",
    "evaluate": "scores that are done are kept, those in work begin anew",
    "metrics": "its files may be old and new ones, the same command writes all anew",
    "tables": "tables that are done are kept, the one in work begins anew",
    "trial": "nothing of it is kept, the same command begins anew",
    "compare": "its files may be old and new ones, the same command writes all anew",
    "systems": "its files may be old and new ones, the same command writes all anew",
    "theorem": "nothing of it is kept, the same command begins anew",
    "disturb": f"what is finished is kept, {AGAIN}",
    "figures": "figures that are done are kept, the others begin anew",
    "methods": "it leaves nothing behind",
    "backbones": "it leaves nothing behind",
    "datasets": "it leaves nothing behind",
    "verify": "it changes nothing",
    "bench": "it leaves nothing behind",
    "doctor": "it changes nothing",
}
"""What is left of each command that was stopped, and what the same command then does."""


def kept_by(arguments: Sequence[str]) -> str:
    """What is left of the command of these arguments."""
    return next((KEPT[word] for word in arguments if word in KEPT), "the same command begins anew")


def main() -> None:
    """Runs the command line; what the user can put right ends in one line and exit code 2."""
    # Pillow's remarks on odd files; what is wrong enough to matter raises.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    wait_briefly()
    _heed_signals()
    try:
        try:
            with told():
                app()
        finally:
            if "triton" not in sys.modules:  # It would complain of what is left.
                # Or the interpreter looks through all libraries once more at its end, which takes a second.
                gc.freeze()
    except PipelineError as error:
        _stop(str(error), 2)
    except SystemExit as stop:
        if stop.code in STOPPED:
            _stop(f"stopped; {kept_by(sys.argv[1:])}", stop.code)
        raise
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{os.strerror(error.errno)}; check the path, its permissions and the space on its disk", 2)


def _heed_signals() -> None:
    """SIGTERM stops a command as Ctrl-C does, between two batches. A lost terminal stops none: it goes on unseen."""

    def terminate(*_: object) -> None:
        raise SystemExit(STOPPED[1])

    def let_go(*_: object) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in terminals:  # Whatever is written to a terminal that is gone fails.
            os.dup2(nowhere, stream)

    signal.signal(signal.SIGTERM, terminate)
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]
    # Under nohup, which leaves no terminal to write to, the signal is ignored already and stays so.
    own = (signal.SIG_DFL, signal.SIG_IGN) if terminals else (signal.SIG_DFL,)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) in own:
        signal.signal(signal.SIGHUP, let_go)


def _stop(message: str, code: int) -> None:
    print(f"pipeline: {shown(' '.join(message.split()))}", file=sys.stderr)
    raise SystemExit(code)
