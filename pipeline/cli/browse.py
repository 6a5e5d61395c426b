"""The command that serves a result's page, so that its changes need no download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.base.errors import PipelineError
from pipeline.cli.output import say

PACKAGES = "starlette uvicorn"


def browse(
    folder: Annotated[
        str | None, typer.Argument(help="A result of 'pipeline cluster'. Default: the only one in this folder.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1024, max=65535, help="Default: one of the result's own, or another if that is in use."),
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Open no browser; the address is printed either way.")
    ] = False,
) -> None:
    """A result -> its page in the browser, which saves every change in edits.json at once. Ctrl-C ends it.

    It is reached from this machine alone, by the address that is printed. Nothing but RESULT/edits.json is written; the
    next command obeys it.
    """
    from pipeline.base.packages import check_package
    from pipeline.collection.result import Collection, only_collection

    collection = Collection(Path(folder) if folder else only_collection("name it: pipeline browse RESULT"))
    if not collection.about.is_file():
        raise PipelineError(f"{collection.folder}: expected a result of 'pipeline cluster', found none")
    check_package(PACKAGES, "pipeline browse", f"open {collection.page}, which downloads edits.json")
    from pipeline.collection.server import serve

    serve(collection, port, not no_open, say)
