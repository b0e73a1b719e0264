"""Serves a studio on this machine: finds a port, begins when it may be asked, and ends without leaving anything behind."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from graphflow.errors import StudioRefused
from graphflow.studio.app import Studio

HOST = "127.0.0.1"
FIRST_PORT = 8765
_PORTS = 100
_PATIENCE_S = 5  # with requests that are being answered when it is to end
_LONGEST_HEAD = 256 << 10  # bytes of a request's line and headers: a run's id may be long


def bound(port: int | None) -> socket.socket:
    """A socket on a port of this machine: the one that is asked for, else the first that is free from 8765 on.

    Raises StudioRefused (GF541) where that one is taken, or none is free.
    """
    if port is not None:
        try:
            return _bound(port)
        except (OSError, OverflowError) as error:
            raise _taken(f"Port {port} cannot be used", error) from None
    refused: OSError = OSError(errno.EADDRINUSE, "all are taken")
    for number in range(FIRST_PORT, FIRST_PORT + _PORTS):
        try:
            return _bound(number)
        except OSError as error:
            refused = error
    raise _taken(f"No port from {FIRST_PORT} to {FIRST_PORT + _PORTS - 1} is free", refused)


def _bound(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a studio that just ended holds it no longer
        found.bind((HOST, port))
        found.listen(128)  # what is bound by another, and listens, is refused here at the latest
    except BaseException:
        found.close()
        raise
    return found


def _taken(what: str, error: Exception) -> StudioRefused:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StudioRefused(
        what,
        code="GF541",
        why=f"The system says: {why}.",
        fix="--port names another one; without it the studio takes the first that is free.",
    )


async def serve(studio: Studio, on: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until cancelled: then streams end, runs that are driven here are put down, and connections close."""
    server = _Server(studio, ready)
    serving = asyncio.ensure_future(server.serve(sockets=[on]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        studio.looking.telling.closing.close()
        server.should_exit = True
        await serving
        raise


class _Server(uvicorn.Server):
    """One that says when it can be asked, and leaves signals to who runs it."""

    def __init__(self, studio: Studio, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                studio.app,
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_PATIENCE_S,
                h11_max_incomplete_event_size=_LONGEST_HEAD,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
