"""A run under way: watch it, answer it, cancel it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import nullcontext, suppress
from types import TracebackType
from typing import Any, Generic, Self

from pydantic_core import to_jsonable_python
from typing_extensions import TypeVar

from graphflow.core.copying import copy
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.errors import AnswerInvalid, RunError, StoreUnavailable
from graphflow.graph.answers import Answer
from graphflow.runtime.displaying import keep_showing
from graphflow.runtime.driver import Driver
from graphflow.runtime.events import Event
from graphflow.runtime.failing import failure_of
from graphflow.runtime.outbox import Durability
from graphflow.runtime.run import Run
from graphflow.runtime.standing import standing_of
from graphflow.runtime.watching import Listener, Observer
from graphflow.stores.memory import MemoryStore
from graphflow.stores.store import Store

S = TypeVar("S", default=Any)


class Live(Generic[S]):
    """A run that is being driven. ``async with graph.start(state) as live``; leaving the block waits for its end.

    Leaving it by an exception stops the driver; the run stays as it is and can be resumed (S14.2). ``reopen`` is given
    where the store was opened for this run alone, by its name: it is closed when the run rests.
    """

    def __init__(
        self,
        machine: Machine,
        store: Store,
        begin: Callable[[], None],
        *,
        deps: Any = None,
        model: Any = None,
        model_name: str = "",
        given_model: Any = None,
        approve: Any = None,
        durability: Durability = "step",
        observers: Sequence[Observer] = (),
        reopen: Callable[[], Store] | None = None,
    ) -> None:
        self._machine = machine
        self._store = store
        self._begin: Callable[[], None] | None = begin
        self._model_name = model_name
        self._given_model = given_model
        self._driver = Driver(
            machine, store, deps=deps, model=model, approve=approve, durability=durability, observers=observers
        )
        self._task: asyncio.Task[None] | None = None
        self._ended: asyncio.Event | None = None  # made for the first who listens
        self._is_over = False
        self._reopen = reopen
        self._display: asyncio.Task[None] | None = None
        self._rested: tuple[Sequence[bytes], dict[str, Plan]] | None = None  # what a store had that is closed by now

    def skip(self, entries: int) -> None:
        """So many of the first entries are in the store already."""
        if self._driver.outbox is not None:
            self._driver.outbox.skip(entries)

    @property
    def run_id(self) -> str:
        return self._machine.run_id

    @property
    def run(self) -> Run[S]:
        """The run as it stands now."""
        self._driver.leave_lane()
        journal, plans = self._rested or self._kept()
        return Run(plans, self._machine, journal, self._model_name, self._given_model)

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._drive())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            await self.stop()
        elif self._task is not None:
            await asyncio.wait([self._task])
            if self._display is not None:
                await self._display
            if not self._task.cancelled():
                self._task.result()

    async def _drive(self) -> None:
        await self._acquire()
        try:
            with nullcontext() if self._driver.watching is None else self._driver.watching:
                self._driver.prepare()
                self._make_begin()
                self._driver.commit()
                await self._driver.drive()
        finally:
            self._is_over = True
            try:
                with suppress(StoreUnavailable):  # the lease then ends by itself
                    await self._release()
            finally:
                if self._ended is not None:
                    self._ended.set()

    async def _acquire(self) -> None:
        outbox = self._driver.outbox
        try:
            if outbox is None:
                self._store.acquire(self.run_id)
            else:
                await outbox.acquire()
        except BaseException:
            self._close()
            raise

    async def _release(self) -> None:
        """The driver is gone, and with it a store that was opened for this run; another is told how the run rests."""
        outbox = self._driver.outbox
        if outbox is not None:
            await outbox.release()
            if self._reopen is not None:
                self._rested = self._kept()
                self._close()
        else:
            if self._reopen is None and isinstance(self._store, MemoryStore):
                self._store.tell(self.run_id, standing_of(self._machine))
            self._store.release(self.run_id)

    def _close(self) -> None:
        if self._reopen is not None:
            self._store.close()

    def _kept(self) -> tuple[Sequence[bytes], dict[str, Plan]]:
        """What the store has of the run: its journal, and the plans it was driven under."""
        outbox = self._driver.outbox
        journal = self._store.read(self.run_id) if outbox is None else outbox.journal()
        return journal, self._store.plans(self.run_id, self._machine.plan)

    def _make_begin(self) -> None:
        """Begin the run, once: also for who cancels or answers it before it is driven, else its start came after that."""
        begin, self._begin = self._begin, None
        if begin is not None:
            begin()

    def _go_on(self) -> None:
        """Something came from outside. Before the run is driven, what it left is committed by its driver, who may (S18)."""
        if self._driver.loop is not None:
            self._driver.nudge()

    async def drive(self) -> Run[S]:
        """Drive to the end in the caller's own task: what ``graph.run`` does."""
        await self._drive()
        return self._outcome()

    def _outcome(self) -> Run[S]:
        run = self.run
        if run.status == "failed":
            raise failure_of(run)
        return run

    async def result(self) -> Run[S]:
        """Wait for the run to rest. Raises RunFailed if it failed."""
        task = self._check_started()
        await asyncio.shield(task)
        return self._outcome()

    def _check_started(self) -> asyncio.Task[None]:
        if self._task is None:
            raise RunError(
                "The run was not started",
                why="A live run starts with `async with`.",
                fix="async with graph.start(...) as live:",
            )
        return self._task

    def events(self) -> AsyncIterator[Event]:
        """What happens from now on, typed, until the run rests. Several may listen; none can slow the run down.

        Raises RunError where nobody drives the run: it would wait for ever.
        """
        self._check_started()
        waiting: deque[Event] = deque()
        arrived = asyncio.Event()

        def observe(event: Event) -> None:
            waiting.append(event)
            arrived.set()

        self._driver.observers.append(observe)
        return self._stream(waiting, arrived, self._end_to_wait_for(), observe)

    def _end_to_wait_for(self) -> asyncio.Event:
        if self._ended is None:
            self._ended = asyncio.Event()
            if self._is_over:
                self._ended.set()
        return self._ended

    def display(self, every_s: float = 0.5) -> None:
        """Show the run in the notebook's cell, drawn on its graph, and update it there until it rests.

        At most every ``every_s`` seconds, and only when something has happened. Elsewhere than in a notebook its line is
        printed, at once and when it rests. Call it inside ``async with graph.start(...) as live``, once.
        """
        if self._display is None:
            showing = keep_showing(lambda: self.run, self._end_to_wait_for(), every_s)
            self._display = asyncio.get_running_loop().create_task(showing)

    async def _stream(
        self, waiting: deque[Event], arrived: asyncio.Event, over: asyncio.Event, observe: Listener
    ) -> AsyncIterator[Event]:
        try:
            while True:
                while waiting:
                    yield waiting.popleft()
                if self._is_over:
                    return
                arrived.clear()
                ended = asyncio.ensure_future(over.wait())
                came = asyncio.ensure_future(arrived.wait())
                try:
                    await asyncio.wait((ended, came), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ended.cancel()
                    came.cancel()
        finally:
            if observe in self._driver.observers:
                self._driver.observers.remove(observe)

    def answer(self, answer: Answer | str, value: Any = None) -> None:
        """Answer a question: ``live.answer(approve.answer(True))`` or by id or node name. Raises AnswerInvalid.

        Once the run rests it goes on with the answer when it is resumed; with a store the answer is left there.
        """
        target, given = (answer.node, answer.value) if isinstance(answer, Answer) else (answer, value)
        if self._is_over and self._driver.outbox is not None:
            self._leave(target, given)
            return
        self._driver.tick()
        self._make_begin()
        self._machine.answer(target, given)
        self._go_on()

    def _leave(self, target: str, value: Any) -> None:
        """The run is driven no more, perhaps by another by now: its answer waits for that one (S10.1, S18)."""
        store = self._store if self._rested is None or self._reopen is None else self._reopen()
        tried = copy(self._machine)
        for left in store.answers(self.run_id):
            with suppress(AnswerInvalid):  # its giver was told, or will be
                tried.answer(left.key, left.value)
        tried.answer(target, value)
        store.answer(self.run_id, target, to_jsonable_python(value, inf_nan_mode="constants"))
        if store is not self._store:
            store.close()

    def cancel(self, path: str | None = None) -> bool:
        """End the run, or one scope of it (S14.2). False if there is no such live scope."""
        self._driver.tick()
        self._make_begin()
        was_live = self._machine.cancel(path)
        self._go_on()
        return was_live

    async def stop(self) -> None:
        """Stop driving; the run stays as it is and can be resumed (S14.2)."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._display is not None:
            self._end_to_wait_for().set()
            await self._display
