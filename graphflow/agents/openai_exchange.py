"""One request over HTTP and its answer as one complete body, whether it came in one piece or as a stream.

A stream is put together again into the body that the same answer would have been, so that everything behind it is
the same. It is closed however it ends: also when the call is cancelled in the middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from graphflow.agents.gates import Slot
from graphflow.agents.messages import JsonObject, Piece, Response
from graphflow.agents.openai_errors import from_client
from graphflow.agents.openai_events import events, whole_body
from graphflow.errors import ModelError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI, AsyncStream

_DRAINED_WITHIN_S = 0.1  # after the mark of the end, so that the connection can be used again


class Assembly(Protocol):
    """Puts the events of a stream together."""

    def take(self, event: JsonObject) -> list[Piece]:
        """What an event shows of the answer. Raises BadResponse if it has the wrong shape."""
        ...

    def body(self) -> JsonObject:
        """The complete body. Raises BadResponse if the answer was not finished."""
        ...


@dataclass(slots=True)
class Shown:
    """What has been shown of an answer, so that in the end all of it has been."""

    show: Callable[[Piece], None]
    _has_text: bool = False
    _calls: set[int] = field(default_factory=set[int])

    def __call__(self, piece: Piece) -> None:
        if not piece.text:
            return
        if piece.tool:
            self._calls.add(piece.call)
        else:
            self._has_text = True
        self.show(piece)

    def rest(self, response: Response) -> None:
        """Show what no event showed: a body that came whole, arguments that were left out for being empty."""
        if not self._has_text:
            self(Piece(response.text))
        for number, call in enumerate(response.tool_calls):
            if number not in self._calls:
                self(Piece(call.arguments, call.name, number))


@dataclass(slots=True)
class Exchange:
    """One call: ``model`` and ``key`` are for its errors, ``has_started`` says that an answer has begun to come."""

    client: AsyncOpenAI
    model: str
    key: str | None
    has_started: bool = False
    slot: Slot | None = None  # of the limiter, which is told what each response says of its rates

    async def whole(self, path: str, body: JsonObject) -> JsonObject:
        """The body of the answer. Raises ModelError."""
        import httpx2

        try:
            raw = await self.client.post(path, cast_to=httpx2.Response, body=body)
        except Exception as error:  # the client raises more kinds than it says; cancellation is none of them
            failed = self._failed(error)
        else:
            self._saw(raw)
            self.has_started = True
            return whole_body(raw.content, self.model, self.key)
        raise failed  # out here it has no context: the client's error, which holds the request with its key

    async def streamed(self, path: str, body: JsonObject, assembly: Assembly, shown: Shown) -> JsonObject:
        """The body that a stream comes to, shown as it comes. Raises ModelError, and what ``shown`` raises."""
        response = (await self._opened(path, body)).response
        incoming = _Incoming(response.aiter_bytes(), self)
        try:
            async with aclosing(incoming.chunks), aclosing(events(incoming, self.model, self.key)) as coming:
                async for event in coming:
                    if event.is_whole:
                        return event.data
                    for piece in assembly.take(event.data):
                        shown(piece)
                await incoming.drain()
            return assembly.body()
        finally:
            await response.aclose()

    async def _opened(self, path: str, body: JsonObject) -> AsyncStream[object]:
        from openai import AsyncStream

        try:
            stream = await self.client.post(
                path, cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object]
            )
        except Exception as error:
            failed = self._failed(error)
        else:
            self._saw(stream.response)
            return stream
        raise failed

    def _failed(self, error: Exception) -> ModelError:
        import openai

        if isinstance(error, openai.APIStatusError):
            self._saw(error.response)
        return from_client(error, self.model, self.key)

    def _saw(self, response: httpx2.Response) -> None:
        if self.slot is not None:
            self.slot.saw(response.status_code, response.headers)


@dataclass(slots=True)
class _Incoming:
    """The bytes of a response as they come; failures of the connection are ModelErrors."""

    chunks: AsyncGenerator[bytes]
    exchange: Exchange

    def __aiter__(self) -> _Incoming:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self.chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:  # the HTTP libraries have many; cancellation is none of them
            failed = from_client(error, self.exchange.model, self.exchange.key)
        else:
            self.exchange.has_started = True
            return chunk
        raise failed

    async def drain(self) -> None:
        """Read to the end what follows the mark of the end: nothing, if the server keeps to the rules."""
        with suppress(TimeoutError, ModelError):
            async with asyncio.timeout(_DRAINED_WITHIN_S):
                async for _ in self:
                    pass
