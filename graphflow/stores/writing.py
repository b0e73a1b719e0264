"""One thread that writes, for all runs of a store: what waits together is committed together.

A driver hands over a batch and goes on; the thread takes all that has come in meanwhile and makes one transaction of it,
so that a hundred runs share one ``fsync``. Whoever awaits a ticket is woken in its own event loop, all of a loop at once.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from graphflow.core.journal import Brief
from graphflow.errors import Internal
from graphflow.stores.store import Standing

T = TypeVar("T")

_MOST_TOGETHER = 4_096  # batches of one transaction: the bound is for the time it takes, not for memory


class Commit:
    """A ticket: what was handed over is safe once this is done. Awaitable in the loop that handed it over."""

    __slots__ = ("_done", "_error", "_future", "loop")

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._future: asyncio.Future[None] | None = None
        self._done = False
        try:
            self.loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None

    def __await__(self) -> Generator[Any, None, None]:
        if not self._done:
            if self.loop is None:
                raise Internal("A commit was awaited in another event loop than the one that made it.")
            if self._future is None:
                self._future = self.loop.create_future()
            yield from asyncio.shield(self._future).__await__()
        if self._error is not None:
            raise self._error

    @property
    def is_done(self) -> bool:
        """Whether it is settled, as far as the loop that handed it over has been told."""
        return self._done

    @property
    def error(self) -> Exception | None:
        """What went wrong, once it is settled."""
        return self._error

    def settle(self, error: Exception | None) -> None:
        """In the ticket's own loop, or in any thread if it has none."""
        self._error, self._done = error, True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


@dataclass(slots=True)
class Batch:
    """Entries of one run for one commit, under the fencing number that its driver holds."""

    run: str
    fence: int
    entries: Sequence[bytes | Brief]
    standing: Standing | None
    taken: Sequence[int]
    ticket: Commit = field(default_factory=Commit)
    error: Exception | None = None


class _Call(Generic[T]):
    """Anything else that is to be done by the writer, in its turn; whoever asks waits for it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self.function = function
        self.is_over = threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None


class Writer:
    """The thread. ``write`` performs one transaction for many batches, and puts an ``error`` on those that failed.

    Its thread holds no reference to the store, so that a forgotten store is closed by its finalizer.
    """

    def __init__(self, write: Callable[[list[Batch]], None], name: str, close: Callable[[], None]) -> None:
        self._queue: queue.SimpleQueue[Batch | _Call[Any] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=_work, args=(self._queue, write, close), name=name, daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> Commit:
        """Hand over a batch."""
        self._queue.put(batch)
        return batch.ticket

    def call(self, function: Callable[[], T]) -> T:
        """Have something done by the writer, after all that was handed over before; wait for it. Raises what it raises."""
        if self._is_closed:
            return function()  # the thread has gone: a store that is used after its end says so itself
        asked = _Call(function)
        self._queue.put(asked)
        asked.is_over.wait()
        if asked.error is not None:
            raise asked.error
        return asked.result  # type: ignore[return-value]  # set, as there was no error

    def close(self) -> None:
        """Finish what was handed over, and end the thread."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(None)
            if self._thread is not threading.current_thread():
                self._thread.join()


def _work(
    waiting: queue.SimpleQueue[Batch | _Call[Any] | None],
    write: Callable[[list[Batch]], None],
    close: Callable[[], None],
) -> None:
    is_over = False
    while not is_over:
        batches: list[Batch] = []
        call: _Call[Any] | None = None
        item = waiting.get()
        while True:
            if item is None:
                is_over = True
                break
            if isinstance(item, _Call):
                call = item
                break
            batches.append(item)
            if len(batches) == _MOST_TOGETHER:
                break
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                break
        if batches:
            _write(write, batches)
        if call is not None:
            _call(call)
    close()


def _write(write: Callable[[list[Batch]], None], batches: list[Batch]) -> None:
    try:
        write(batches)
    except BaseException as error:  # whatever it was, those who wait must hear of it
        for batch in batches:
            batch.error = error if isinstance(error, Exception) else Internal(f"The writer was stopped: {error!r}")
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Batch]] = {}
    for batch in batches:
        by_loop.setdefault(batch.ticket.loop, []).append(batch)
    for loop, settled in by_loop.items():
        if loop is None or loop.is_closed():
            _settle(settled)
        else:
            try:
                loop.call_soon_threadsafe(_settle, settled)
            except RuntimeError:  # closed just now: nobody waits any more
                _settle(settled)


def _settle(batches: list[Batch]) -> None:
    for batch in batches:
        batch.ticket.settle(batch.error)


def _call(asked: _Call[Any]) -> None:
    try:
        asked.result = asked.function()
    except BaseException as error:
        asked.error = error
    finally:
        asked.is_over.set()
