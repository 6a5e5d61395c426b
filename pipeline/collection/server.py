"""The server of `pipeline browse`: a result's page on this machine alone, and edits.json written from there."""

from __future__ import annotations

import logging
import os
import socket
import threading
import webbrowser
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pipeline.base.errors import PipelineError
from pipeline.base.text import printable
from pipeline.collection import served
from pipeline.collection.guard import Guard, refused
from pipeline.collection.result import Collection

if TYPE_CHECKING:  # It brings torch.
    from pipeline.collection.fill_cache import Say

LOOPBACK: Final = "127.0.0.1"
"""The only address: no other machine reaches it."""
FIRST_PORT, PORTS = 20_000, 10_000
"""Of the ports that results have by themselves."""
MOST_BYTES = 64 * 2**20
"""Of edits.json; a page of 10,000 pictures, all of which were moved ten times, sends 10 MB."""
STATUS: Final = {served.MalformedError: 400, served.OutdatedError: 412, PipelineError: 409}
"""How the errors of `served` are answered."""
SIGNS: Final = {
    (0, b"\xff\xd8\xff"): "image/jpeg",
    (0, b"\x89PNG\r\n\x1a\n"): "image/png",
    (0, b"GIF8"): "image/gif",
    (0, b"BM"): "image/bmp",
    (8, b"WEBPVP8"): "image/webp",
    (4, b"ftypavif"): "image/avif",
    (4, b"ftypavis"): "image/avif",
}
"""What the files that browsers show have near their beginning, and from which byte on."""
PICTURE_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
PAGE_POLICY: Final = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Beside what the page says itself."""


def application(collection: Collection, host: str, most_bytes: int = MOST_BYTES) -> Guard:
    """The server as an ASGI application.

    Args:
        collection: the result.
        host: the address and port that it is reached by.
        most_bytes: what is larger is refused unread.
    """
    one = threading.Lock()  # That of the folder lets no second one in, and a page may be open twice.

    def page(_: Request) -> Response:
        return HTMLResponse(served.page(collection), headers={"Content-Security-Policy": PAGE_POLICY})

    def edits(_: Request) -> Response:
        return JSONResponse(asdict(served.now(collection)))

    def write(data: bytes, mark: str) -> Response:
        with one:
            return Response(status_code=204, headers={"ETag": served.save_edits(collection, data, mark)})

    async def save(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return refused(415, "expected JSON")
        mark = request.headers.get("if-match")
        if mark is None:
            return refused(428, "expected the mark of the edits.json that the changes go on from, as If-Match")
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > most_bytes:
                return refused(413, f"expected at most {most_bytes:,} bytes of changes; nothing was written")
        return await run_in_threadpool(write, bytes(data), mark)

    def original(request: Request) -> Response:
        found = served.original(collection, request.path_params["digest"])
        if found is None:
            return refused(404, "no picture of this result, or not there any more")
        data, name = found
        kind = kind_of(data)
        headers = {"Content-Security-Policy": PICTURE_POLICY, "Content-Disposition": _disposition(kind, name)}
        return Response(data, media_type=kind or "application/octet-stream", headers=headers)

    def small(request: Request) -> Response:
        data = served.small(collection, request.path_params["digest"])
        return refused(404, "no thumbnail of this result") if data is None else Response(data, media_type="image/webp")

    def told(_: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            return refused(400, "the changes did not come to their end; nothing was written")
        if isinstance(error, OSError):
            return refused(500, f"{error.filename}: {error.strerror}; check its permissions and the space on its disk")
        return refused(next(status for kind, status in STATUS.items() if isinstance(error, kind)), str(error))

    routes = [
        Route("/", page),
        Route("/edits.json", edits),
        Route("/edits.json", save, methods=["PUT"]),
        Route("/original/{digest}", original),
        Route("/thumbnails/{start}/{digest}.webp", small),
    ]
    handlers = dict.fromkeys((PipelineError, OSError, ClientDisconnect), told)
    return Guard(Starlette(routes=routes, exception_handlers=handlers), host)


def kind_of(data: bytes) -> str | None:
    """The type of a picture that browsers show, by its first bytes; None: another file, which is only downloaded."""
    return next((kind for (start, sign), kind in SIGNS.items() if data.startswith(sign, start)), None)


def _disposition(kind: str | None, name: str) -> str:
    return f"{'attachment' if kind is None else 'inline'}; filename*=UTF-8''{quote(printable(name), safe='')}"


def serve(collection: Collection, port: int | None, open_browser: bool, say: Say) -> None:
    """Serves a result until Ctrl-C.

    Args:
        collection: the result.
        port: of `LOOPBACK`; None: the result's own, or any where that is in use.
        open_browser: whether to open the page.
        say: takes the page's address.

    Raises:
        PipelineError: if the port is in use, or the result cannot be served.
    """
    served.page(collection)
    with _listening(collection, port) as listener:
        guard = application(collection, f"{LOOPBACK}:{listener.getsockname()[1]}")
        say(f"page: {guard.address}")
        say("Only this machine reaches it, by this address. Ctrl-C ends it.", err=True)
        if open_browser:  # Some browsers return at their end alone.
            threading.Thread(target=webbrowser.open, args=(guard.address_once,), daemon=True).start()
        config = uvicorn.Config(
            guard,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,  # Its lines would hold the token.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _listening(collection: Collection, port: int | None) -> socket.socket:
    """A socket that listens, so that the browser may come before the server is ready.

    The result's own port stays with it: what a browser keeps for a page, it keeps by address and port.
    """
    own = FIRST_PORT + int(served.result_id(collection), 16) % PORTS
    for number in (own, 0) if port is None else (port,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # Elsewhere it would let two servers have one port.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, number))
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            reason = error.strerror
    raise PipelineError(f"--port {number}: cannot be had ({reason}); give another, or leave it out")
