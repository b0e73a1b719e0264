"""Server-sent events: what happens in the store, told to every page that looks, as it happens.

Whoever listens to the same is served by one poller, which is there as long as somebody listens. It looks in a thread, so
that a store that answers slowly keeps nobody else waiting; one that cannot be read is told of, and waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Send

from graphflow.errors import GraphflowError, RunNotFound
from graphflow.studio.replies import json_text

T = TypeVar("T")
_SILENCE_S = 10.0
_LEAST_S = 0.125  # between two events of a stream
_QUICK_S, _SLOW_S = 0.15, 0.5
_LIVELY_S = 5.0  # so long after a change the poller looks often


def event(name: str, data: Any, number: int | None = None) -> bytes:
    """One event as it is sent.

    >>> event("row", {"run": "r-1"}, 7)
    b'id: 7\\nevent: row\\ndata: {"run":"r-1"}\\n\\n'
    """
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + json_text(data) + b"\n\n"


class EventStream(StreamingResponse):
    """An answer that goes on until its page or the studio goes away; what feeds it is let go of at once then."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store"}, media_type="text/event-stream")
        self._events = events

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._events):
            await super().stream_response(send)


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What a poller saw last. ``trouble`` is why the store could not be read, empty where it could."""

    number: int
    what: T | None = None
    trouble: str = ""
    is_gone: bool = False


@dataclass(slots=True, eq=False)
class Watch(Generic[T]):
    """One thing of the store that is looked at again and again while somebody listens.

    ``look`` is called in a thread; what it gives is compared with what it gave before. ``is_lively`` says of it whether
    more is to be expected soon.
    """

    look: Callable[[], T]
    is_lively: Callable[[T], bool]
    listeners: int = 0
    seen: Seen[T] = field(default_factory=lambda: Seen(0))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _changed_at: float = 0.0

    def enter(self) -> None:
        """Somebody listens."""
        self.listeners += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._poll())

    def leave(self) -> None:
        """Somebody listens no longer; nothing is looked at for nobody."""
        self.listeners -= 1
        if not self.listeners and self._task is not None:
            self._task.cancel()
            self._task = None

    async def next(self, known: int, patience_s: float) -> Seen[T] | None:
        """What was seen after look number ``known``; None if nothing changed in so many seconds."""
        deadline = time.monotonic() + patience_s
        while self.seen.number == known:
            changed = self._changed
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), left)
        return self.seen

    async def _poll(self) -> None:
        while True:
            begun = time.monotonic()
            what, trouble, is_gone = await run_in_threadpool(self._looked)
            seen = self.seen
            if seen.number == 0 or (what, trouble, is_gone) != (seen.what, seen.trouble, seen.is_gone):
                kept = what if what is not None else seen.what
                self.seen = Seen(seen.number + 1, kept, trouble, is_gone)
                self._changed_at = time.monotonic()
                self._changed, changed = asyncio.Event(), self._changed
                changed.set()
            now = time.monotonic()
            is_lively = what is not None and self.is_lively(what)
            pause_s = _QUICK_S if is_lively or now - self._changed_at < _LIVELY_S else _SLOW_S
            await asyncio.sleep(max(pause_s, 3 * (now - begun)))

    def _looked(self) -> tuple[T | None, str, bool]:
        try:
            return self.look(), "", False
        except RunNotFound as error:
            return None, error.what, True
        except GraphflowError as error:
            return self.seen.what, f"{error.what}. {error.why}".strip(), False


class Watches(Generic[T]):
    """The watches of what is listened to now, by name."""

    def __init__(self, make: Callable[[str], Watch[T]]) -> None:
        self._make = make
        self._open: dict[str, Watch[T]] = {}

    def enter(self, name: str) -> Watch[T]:
        watch = self._open.get(name)
        if watch is None:
            watch = self._open[name] = self._make(name)
        watch.enter()
        return watch

    def leave(self, name: str, watch: Watch[T]) -> None:
        watch.leave()
        if not watch.listeners:
            self._open.pop(name, None)

    def __len__(self) -> int:
        return len(self._open)


class Closing:
    """Tells every stream that the studio ends: a server waits for its connections."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: set[asyncio.Task[Any]] = set()

    def close(self) -> None:
        """To be called in the event loop."""
        self.is_set = True
        for task in self._waiting:
            task.cancel()

    async def until_closed(self, work: Callable[[], Any]) -> Any:
        """Await something; None as soon as the studio ends."""
        if self.is_set:
            return None
        task = asyncio.ensure_future(work())
        self._waiting.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if self.is_set:
                return None
            raise
        finally:
            self._waiting.discard(task)
            if not task.done():
                task.cancel()


async def events_of(
    watches: Watches[T],
    name: str,
    closing: Closing,
    tell: Callable[[Seen[T], bool], AsyncIterator[bytes]],
) -> AsyncGenerator[bytes, None]:
    """The events of one listener. ``tell`` gives those that a new look makes; its second argument says if it is the first."""
    watch = watches.enter(name)
    known, trouble, is_first = 0, "", True
    try:
        yield b"retry: 1000\n: graphflow studio\n\n"
        while not closing.is_set:
            seen = await _next(watch, known, closing)
            if seen is None:
                yield b": still here\n\n"
                continue
            known = seen.number
            if seen.is_gone:
                yield event("gone", {"why": seen.trouble})
                return
            if seen.trouble != trouble:
                trouble = seen.trouble
                yield event("store", {"why": trouble})
            if not trouble:
                with suppress(GraphflowError):  # the store went away meanwhile: the next look tells
                    async for one in tell(seen, is_first):
                        yield one
                    is_first = False
            await closing.until_closed(lambda: asyncio.sleep(_LEAST_S))
    finally:
        watches.leave(name, watch)


async def _next(watch: Watch[T], known: int, closing: Closing) -> Seen[T] | None:
    seen: Seen[T] | None = await closing.until_closed(lambda: watch.next(known, _SILENCE_S))
    return seen
