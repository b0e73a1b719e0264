"""One thread that writes, for all runs of a store: what waits together is committed together.

A driver hands over a batch and goes on; the thread takes all that has come in meanwhile and makes one transaction of it,
so that a hundred runs share one ``fsync``. Whoever awaits a ticket is woken in its own event loop, all of a loop at once.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from graphflow.errors import Internal, StoreError

T = TypeVar("T")

_MOST_TOGETHER = 4_096  # batches of one transaction: the bound is for the time it takes, not for memory


class Commit:
    """A ticket: what was handed over is safe once this is done. Awaitable in the loop that handed it over, and often."""

    __slots__ = ("_error", "_is_done", "_waiting", "loop")

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._is_done = False
        try:
            self.loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None

    def __await__(self) -> Generator[Any, None, None]:
        if not self._is_done:
            if self.loop is None or self.loop is not asyncio.get_running_loop():
                raise Internal("A commit was awaited in another event loop than the one that handed it over.")
            mine: asyncio.Future[None] = (
                self.loop.create_future()
            )  # one for each who waits: cancelling it is theirs alone
            self._waiting.append(mine)
            yield from mine
        if self._error is not None:
            raise self._error

    @property
    def is_done(self) -> bool:
        """Whether it is settled, as far as the loop that handed it over has been told."""
        return self._is_done

    @property
    def error(self) -> Exception | None:
        """What went wrong, once it is settled."""
        return self._error

    def settle(self, error: Exception | None) -> None:
        """In the ticket's own loop; in any thread if it has none, or one that is closed: then nobody waits."""
        self._error, self._is_done = error, True
        for future in self._waiting:
            if not future.done() and not future.get_loop().is_closed():
                future.set_result(None)
        self._waiting.clear()


@dataclass(frozen=True, slots=True)
class Told:
    """Where a run stands, as columns."""

    status: str
    wake_at: float | None
    body: bytes
    state: bytes | None


@dataclass(slots=True)
class Batch:
    """Entries of one run for one commit, as texts, under the fencing number that its driver holds.

    All is written out when it is handed over: what cannot be written is an error of who gave it, not of all the runs
    that are committed together.
    """

    run_id: str
    number: int
    fence: int
    lease_s: float
    entries: bytes
    count: int
    told: Told | None
    taken: Sequence[int]
    ticket: Commit = field(default_factory=Commit)
    error: Exception | None = None


class _Call(Generic[T]):
    """Anything else that is to be done by the writer, in its turn; whoever asks waits for it, in a loop by its ticket."""

    def __init__(self, function: Callable[[], T], ticket: Commit | None = None) -> None:
        self.function = function
        self.ticket = ticket
        self.is_over = threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None


class Writer:
    """The thread. ``write`` performs one transaction for many batches, and puts an ``error`` on those that failed.

    Its thread holds no reference to a store, so that a forgotten store is closed by its finalizer.
    """

    def __init__(self, write: Callable[[list[Batch]], None], place: str, close: Callable[[], None]) -> None:
        self._queue: queue.SimpleQueue[Batch | _Call[Any] | None] = queue.SimpleQueue()
        self._place = place
        self._is_closed = False
        self._closing = threading.RLock()  # nothing may be handed over behind the end; a finalizer may run inside
        self._thread = threading.Thread(
            target=_work, args=(self._queue, write, close), name=f"graphflow {place}", daemon=True
        )
        self._thread.start()

    def put(self, batch: Batch) -> Commit:
        """Hand over a batch. Raises StoreError once it is closed."""
        self._hand_over(batch)
        return batch.ticket

    def call(self, function: Callable[[], T]) -> T:
        """Have something done by the writer, after all that was handed over before; wait for it. Raises what it raises."""
        asked = _Call(function)
        self._hand_over(asked)
        asked.is_over.wait()
        if asked.error is not None:
            raise asked.error
        return asked.result  # type: ignore[return-value]  # set, as there was no error

    async def ask(self, function: Callable[[], T], undo: Callable[[T], object]) -> T:
        """The same without holding up the event loop. Who is cancelled meanwhile leaves nothing behind: it is undone."""
        asked = _Call(function, Commit())
        self._hand_over(asked)
        assert asked.ticket is not None
        try:
            await asked.ticket
        except asyncio.CancelledError:
            with suppress(StoreError):
                self._hand_over(_Call(lambda: asked.error is None and undo(cast("T", asked.result))))
            raise
        return cast("T", asked.result)

    def _hand_over(self, item: Batch | _Call[Any]) -> None:
        with self._closing:
            if self._is_closed:
                raise closed(self._place)
            self._queue.put(item)

    def drain(self) -> None:
        """Wait until all that was handed over before is done."""
        with suppress(StoreError):  # it was closed meanwhile, which waits as well
            self.call(lambda: None)

    def close(self) -> None:
        """Finish what was handed over, and end the thread."""
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join()


def closed(place: str) -> StoreError:
    """A store that is used after its end."""
    return StoreError(f"The store {place} is closed", why="close() was called on it.", fix="Open it again.")


def _work(
    waiting: queue.SimpleQueue[Batch | _Call[Any] | None],
    write: Callable[[list[Batch]], None],
    close: Callable[[], None],
) -> None:
    is_over = False
    while not is_over:
        batches, after, is_over = _taken(waiting)
        if batches:
            _write(write, batches)
        if after is not None:
            _perform(after)
        del batches, after  # a thread that waits holds on to nothing
    close()


def _taken(waiting: queue.SimpleQueue[Batch | _Call[Any] | None]) -> tuple[list[Batch], _Call[Any] | None, bool]:
    """All batches that are there, up to a call or the end; waits for the first."""
    batches: list[Batch] = []
    item = waiting.get()
    while isinstance(item, Batch):
        batches.append(item)
        if len(batches) == _MOST_TOGETHER:
            return batches, None, False
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return batches, None, False
    return batches, item, item is None


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
        _in_its_loop(loop, _settle, settled)


def _in_its_loop(loop: asyncio.AbstractEventLoop | None, act: Callable[[T], None], about: T) -> None:
    if loop is None or loop.is_closed():
        act(about)
        return
    try:
        loop.call_soon_threadsafe(act, about)
    except RuntimeError:  # closed just now: nobody waits any more
        act(about)


def _settle(batches: list[Batch]) -> None:
    for batch in batches:
        batch.ticket.settle(batch.error)


def _perform(asked: _Call[Any]) -> None:
    try:
        asked.result = asked.function()
    except BaseException as error:
        asked.error = error
    finally:
        asked.is_over.set()
    if asked.ticket is not None:
        wrong = asked.error
        if wrong is not None and not isinstance(wrong, Exception):
            wrong = Internal(f"The writer was stopped: {wrong!r}")
        _in_its_loop(asked.ticket.loop, asked.ticket.settle, wrong)
