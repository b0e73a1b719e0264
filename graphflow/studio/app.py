"""The studio as an application for a web server: the page, what it looks at, what it does, and who may."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from graphflow.errors import GraphflowError, StudioRefused
from graphflow.studio.actions import action_routes
from graphflow.studio.desk import Desk
from graphflow.studio.driving import Driving
from graphflow.studio.files import page_routes
from graphflow.studio.looking import Looking
from graphflow.studio.replies import error_reply
from graphflow.studio.safety import Guarded

_MOST_BYTES = 16 << 20  # of what a page sends: a state may be large


@dataclass(frozen=True, slots=True)
class Studio:
    """``app`` is what a server serves; ``looking`` what it looks with, whose streams end before the server can."""

    app: ASGIApp
    looking: Looking


def studio_of(desk: Desk) -> Studio:
    """The studio over a desk."""
    looking = Looking.over(desk)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        desk.driving = None if desk.is_read_only else Driving(desk)
        try:
            yield
        finally:
            looking.telling.closing.close()
            if desk.driving is not None:
                await desk.driving.close()

    app = Starlette(
        routes=[*page_routes(), *looking.routes(), *action_routes(desk)],
        exception_handlers={GraphflowError: _told, HTTPException: _no_such_thing, Exception: _told},
        lifespan=lifespan,
        max_body_size=_MOST_BYTES,
    )
    app.state.desk = desk
    return Studio(Guarded(app, desk), looking)


def _told(request: Request, error: Exception) -> Response:
    return error_reply(error)


def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = StudioRefused(
        f"The studio has nothing at {request.url.path[:120]!r}"
        if error.status_code == 404
        else f"{request.method} cannot be done with {request.url.path[:120]!r}",
        code="GF545",
        status=error.status_code,
        why=str(error.detail),
        fix="The page begins at /.",
    )
    return error_reply(refused)
