"""The page: one document for every address, its scripts and styles, out of the package and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphflow.errors import StudioRefused
from graphflow.studio.colours import colours_css
from graphflow.studio.desk import Desk

_FOLDER = Path(__file__).parent / "page"
_TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".html": "text/html",
}
_DOCUMENT = "index.html"
_COLOURS = "colours.css"


def page_routes() -> list[Route]:
    """The routes that the page itself is got by; where it leads to, it finds out from its address."""
    addresses = ("/", "/runs/{id:name}", "/compare", "/start", "/start/{name:name}")
    return [
        *(Route(address, _document) for address in addresses),
        Route("/page/{file}", _file),
        Route("/open/{code}", _open),
        Route("/favicon.ico", _no_icon),
    ]


def _document(request: Request) -> Response:
    return _answer(request, _DOCUMENT)


def _file(request: Request) -> Response:
    return _answer(request, request.path_params["file"])


def _open(request: Request) -> Response:
    """The way in for a browser that the studio opens itself: to the token, once, and after that to look only."""
    desk: Desk = request.app.state.desk
    is_good = request.method == "GET" and desk.redeem(request.path_params["code"])
    return Response(
        status_code=303, headers={"Location": f"/#token={desk.token}" if is_good else "/", "Cache-Control": "no-store"}
    )


def _no_icon(request: Request) -> Response:
    return Response(status_code=204)


def _answer(request: Request, name: str) -> Response:
    if name not in names():
        raise StudioRefused(f"The page has no file {name[:80]!r}", code="GF545", status=404)
    content = _content(name)
    headers = {"Cache-Control": "no-cache", "ETag": f'"{hashlib.sha256(content).hexdigest()[:20]}"'}
    if headers["ETag"] in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_TYPES[Path(name).suffix])


@cache
def names() -> frozenset[str]:
    """The files that are given out: those of the page, by name, and the colours."""
    found = {file.name for file in _FOLDER.iterdir() if file.suffix in _TYPES} if _FOLDER.is_dir() else set[str]()
    return frozenset(found | {_COLOURS})


def _content(name: str) -> bytes:
    return colours_css().encode() if name == _COLOURS else (_FOLDER / name).read_bytes()
