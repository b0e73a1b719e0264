"""Who may ask the studio for what: its own page on this machine, and who knows its token may change things.

A page of another site cannot read anything here: a request must name this machine as its host (or a name that leads
here could be used to get around the browser's borders), and come from the studio's own page or from no page at all.
What a page may load and run is said in headers. Whoever changes anything shows the token of this start besides.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphflow.errors import StudioRefused
from graphflow.studio.desk import Desk
from graphflow.studio.replies import error_reply

_HERE = ("127.0.0.1", "localhost", "::1")
_LOOKS = ("GET", "HEAD")
TOKEN_HEADER = "X-Graphflow-Token"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""What every answer says besides, errors too."""


class Guarded:
    """The studio's application behind its checks."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            self._check(scope)
        except StudioRefused as refused:
            await error_reply(refused)(scope, receive, with_headers)
            return
        await self._app(_as_sent(scope), receive, with_headers)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        refuse_foreign(scope["method"], scope["path"], headers)
        if scope["method"] not in _LOOKS:
            self._refuse_unauthorised(headers)

    def _refuse_unauthorised(self, headers: Headers) -> None:
        if self._desk.is_read_only:
            raise StudioRefused(
                "This studio is read-only",
                code="GF544",
                status=403,
                why="It was started with --read-only. Nothing was changed.",
                fix="Start it without --read-only.",
            )
        given = headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._desk.token.encode()):
            why = "Its token is that of an earlier start." if given else "It was opened without the studio's token."
            raise StudioRefused(
                "This page may look, but not change anything",
                code="GF543",
                status=403,
                why=f"{why} Nothing was changed.",
                fix="Open the address that graphflow studio printed when it started last.",
            )
        if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise StudioRefused(
                "What is sent has to be JSON", code="GF545", status=415, why="Nothing was changed.", fix="Send JSON."
            )


def refuse_foreign(method: str, path: str, headers: Headers) -> None:
    """Raises StudioRefused for a request that another host's name or another site's page led here."""
    host = headers.get("host", "")
    if _hostname(host) not in _HERE:
        raise _foreign(f"It was sent to {host[:80]!r}, which is no name of this machine.")
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        raise _foreign(f"It was sent by a page of {origin[:80]!r}.")
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin") or _opens_page(method, path, headers):
        return
    raise _foreign("It was sent by a page of another site.")


def _opens_page(method: str, path: str, headers: Headers) -> bool:
    """Whether somebody followed a link here: then the page alone is given, which holds nothing and acts by itself."""
    is_navigation = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return method in _LOOKS and is_navigation and not path.startswith("/api/")


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _foreign(why: str) -> StudioRefused:
    return StudioRefused(
        "The studio answers its own page only",
        code="GF542",
        status=403,
        why=f"{why} Nothing was told or changed.",
        fix="Open the address that graphflow studio printed.",
    )


def _as_sent(scope: Scope) -> dict[str, Any]:
    """The request with its path as it was sent: a ``/`` within a name is percent-encoded in it, and stays so."""
    raw = scope.get("raw_path")
    path = scope["path"] if raw is None else raw.decode("ascii", "replace").partition("?")[0]
    return {**scope, "path": path}
