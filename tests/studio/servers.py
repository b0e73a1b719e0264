"""A studio that is really served: by its own server in a thread, on a port of its own, and what its streams say."""

from __future__ import annotations

import asyncio
import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from graphflow.studio.app import Studio, studio_of
from graphflow.studio.desk import Desk
from graphflow.studio.serving import bound, serve

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Served:
    """A studio that can be asked, until it is closed."""

    studio: Studio
    port: int

    @contextmanager
    def stream(self, path: str, **headers: str) -> Generator[Stream, None, None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        line = connection.sock
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        stream = Stream(answer)
        try:
            yield stream
        finally:
            with suppress(OSError):  # the studio may have ended it
                line.shutdown(socket.SHUT_RDWR)  # the reader holds the line, too
            connection.close()
            stream.reader.join(PATIENCE_S)

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@dataclass
class Event:
    """One event as a page hears it."""

    name: str
    data: Any
    number: int | None


@dataclass
class Stream:
    """A stream as a page follows it. ``comments`` are what it says between events, ``ended`` is set when it is over."""

    answer: http.client.HTTPResponse
    events: queue.Queue[Event] = field(default_factory=queue.Queue)
    comments: queue.Queue[str] = field(default_factory=queue.Queue)
    ended: threading.Event = field(default_factory=threading.Event)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def next(self, name: str) -> Event:
        """The next event of this name; others before it are passed over."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            if event.name == name:
                return event

    def _read(self) -> None:
        lines: list[str] = []
        try:
            while line := self.answer.readline():
                text = line.decode().rstrip("\n")
                if text:
                    lines.append(text)
                elif lines:
                    self._take(lines)
                    lines = []
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass  # closed from this end
        self.ended.set()

    def _take(self, lines: list[str]) -> None:
        told = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        for line in lines:
            if line.startswith(":"):
                self.comments.put(line)
        if "event" in told:
            number = int(told["id"]) if "id" in told else None
            self.events.put(Event(told["event"], json.loads(told["data"]), number))


@contextmanager
def served(desk: Desk) -> Generator[Served, None, None]:
    """The studio over a desk, served as the command serves it; at the end nothing of it is left."""
    studio = studio_of(desk)
    listening = bound(0)
    port = listening.getsockname()[1]
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def main() -> None:
        task = asyncio.ensure_future(serve(studio, listening, ready.set))
        loops.append((asyncio.get_running_loop(), task))
        try:
            await task
        except asyncio.CancelledError:
            assert task.done()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield Served(studio, port)
    finally:
        loop, task = loops[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def until(condition: Any) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
