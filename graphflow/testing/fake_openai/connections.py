"""One connection of the server: requests out of bytes, answers into bytes, and every way of stopping midway.

HTTP/1.1 is parsed and written by h11, which the ``openai`` client comes with.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import h11

from graphflow.testing.fake_openai.replies import Sent

LARGEST_HEAD = 64 * 1024  # bytes of a request's line and headers

Answering = Callable[[str, str, dict[str, str], bytes], Awaitable[Sent]]
"""From method, target, headers and body to what goes out."""


@dataclass(slots=True, eq=False)
class Traffic:
    """What goes on: written in the server's thread, read in any. ``changed`` tells of connections that end."""

    open: set[Connection] = field(default_factory=set["Connection"])
    is_closing: bool = False
    made: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    abandoned: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def opened(self, connection: Connection) -> None:
        self.made += 1
        self.open.add(connection)

    def closed(self, connection: Connection) -> None:
        with self.changed:
            self.open.discard(connection)
            self.changed.notify_all()

    def begun(self) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def ended(self) -> None:
        self.in_flight -= 1


class Connection(asyncio.Protocol):
    """Answers one request after the other, each in a ``task``."""

    def __init__(self, answering: Answering, traffic: Traffic) -> None:
        self.task: asyncio.Task[None] | None = None
        self._answering = answering
        self._traffic = traffic
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)
        self._head: h11.Request | None = None
        self._body: list[bytes] = []
        self._written: list[bytes] = []
        self._is_answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._traffic.opened(self)
        if self._traffic.is_closing:  # it was accepted just before the server stopped listening
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.task is not None and not self.task.done():
            self._traffic.abandoned += not self._traffic.is_closing
            self.task.cancel()
            self.task.add_done_callback(self._left)  # who waits until all is closed finds nothing in flight
        else:
            self._traffic.closed(self)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._over()  # a task that is cancelled before its first step runs nothing, its finally neither
        self._traffic.closed(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.receive_data(data)
            self._read_on()
        except h11.RemoteProtocolError:
            self._transport.abort()  # what does not speak HTTP gets no answer in it

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        self._transport.abort()

    def _read_on(self) -> None:
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.Request):
                self._head, self._body = event, []
                if self._parser.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, headers=[]))
                    self._flush()
            elif isinstance(event, h11.Data):
                self._body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._is_answering = True
                self._traffic.begun()
                self.task = asyncio.get_running_loop().create_task(self._answer())
                return
            else:  # more data needed, an answer under way, or the client has closed its side
                return

    async def _answer(self) -> None:
        assert self._head is not None
        head = self._head
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        method, target = head.method.decode("latin-1"), head.target.decode("latin-1")
        try:
            await self._send(await self._answering(method, target, headers, b"".join(self._body)))
        except Exception:
            self._transport.abort()  # a bug of ours, or a header that HTTP cannot say: nobody is to wait for it
            raise
        finally:
            self._over()
        if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
            self._read_on()
        else:
            self._transport.close()

    def _over(self) -> None:
        if self._is_answering:
            self._is_answering = False
            self._traffic.ended()

    async def _send(self, sent: Sent) -> None:
        if sent.first_after_s:
            await asyncio.sleep(sent.first_after_s)
        if not sent.is_http:
            self._transport.write(b"".join(sent.pieces))
        elif sent.has_head:
            self._write(h11.Response(status_code=sent.status, headers=self._headers(sent)))
            for piece in sent.pieces:
                self._write(h11.Data(data=piece))
                if sent.is_stream:
                    self._flush()
                if sent.pause_s:
                    await asyncio.sleep(sent.pause_s)
        if sent.ending != "open" or sent.missing:
            self._flush()
        if sent.ending == "silent":
            await asyncio.get_running_loop().create_future()  # until the connection is lost
        if sent.ending == "reset":
            self._reset()
        if sent.ending == "open" and not sent.missing:
            self._write(h11.EndOfMessage())
        self._flush()

    def _headers(self, sent: Sent) -> list[tuple[str, str]]:
        headers = {"content-type": sent.content_type, **sent.headers}
        if not sent.is_stream:
            headers["content-length"] = str(sum(map(len, sent.pieces)) + sent.missing)
        return list(headers.items())

    def _write(self, event: h11.Event) -> None:
        self._written.append(self._parser.send(event) or b"")

    def _flush(self) -> None:
        if data := b"".join(self._written):
            self._transport.write(data)
        self._written.clear()

    def _reset(self) -> None:
        """What was written goes out first; then the client sees its connection reset instead of closed."""
        opened = cast("socket.socket", self._transport.get_extra_info("socket"))
        opened.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        )
        self._transport.abort()
