"""Who may ask the server of `pipeline browse`: whoever has the token of its session, and to write, its page alone.

The token is the first part of every address. A cookie would go to every other server on this machine too, as browsers
tell them apart by name and not by port, and would be sent by pages that have never seen it; a header goes with no
picture. A token in the address is lost with the tab, and the policy below keeps it out of `Referer`.
"""

from __future__ import annotations

import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer: nothing is kept in a cache, embedded elsewhere, or taken for what it is not."""
READING = ("GET", "HEAD")


def refused(status: int, line: str) -> Response:
    """An answer of one line."""
    return PlainTextResponse(f"{line}\n", status)


class Guard:
    """Lets requests through to an application, which sees their paths without the token."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.host = host
        """The address and the port, as the header ``Host`` has them."""
        self.token = secrets.token_urlsafe(32)
        self._once = secrets.token_urlsafe(32)
        self._opened = False

    @property
    def address(self) -> str:
        """The page's, for people."""
        return f"http://{self.host}/{self.token}/"

    @property
    def address_once(self) -> str:
        """Leads to the page once, for the browser that is opened: everybody on the machine sees its arguments."""
        return f"http://{self.host}/{self._once}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        _, first, rest = (*scope["path"].split("/", 2), "", "")[:3]
        answer = self._answer(scope["method"], Headers(scope=scope), first)
        await (answer or self.app)({**scope, "path": f"/{rest}"}, receive, with_headers)

    def _answer(self, method: str, headers: Headers, first: str) -> Response | None:
        """What a request gets that does not go through; None: it does."""
        # A name that somebody else lets point to this machine is not this one (DNS rebinding).
        if headers.getlist("host") != [self.host]:
            return refused(403, f"expected the host {self.host}; open the address that 'pipeline browse' printed")
        if not self._opened and _same(first, self._once):
            self._opened = True
            return RedirectResponse(self.address, 303)
        if not _same(first, self.token):
            return refused(403, "wrong token; open the address that 'pipeline browse' printed")
        if method not in READING and headers.getlist("origin") != [f"http://{self.host}"]:
            return refused(403, "expected the page itself to write; open the address that 'pipeline browse' printed")
        return None


def _same(found: str, expected: str) -> bool:
    """Compares in the same time wherever they differ."""
    return secrets.compare_digest(found.encode("utf-8", "surrogatepass"), expected.encode())
