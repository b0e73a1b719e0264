"""A run under way: watch it, answer it, cancel it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Self

from typing_extensions import TypeVar

from graphflow.core.machine import Machine
from graphflow.errors import RunError
from graphflow.graph.answers import Answer
from graphflow.runtime.driver import Driver, Observer
from graphflow.runtime.events import Event
from graphflow.runtime.failing import failure_of
from graphflow.runtime.run import Run
from graphflow.stores.store import Store

S = TypeVar("S", default=Any)


class Live(Generic[S]):
    """A run that is being driven. ``async with graph.start(state) as live``; leaving the block waits for its end.

    Leaving it by an exception stops the driver; the run stays as it is and can be resumed (S14.2).
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
        observers: Sequence[Observer] = (),
    ) -> None:
        self._machine = machine
        self._store = store
        self._begin = begin
        self._model_name = model_name
        self._given_model = given_model
        self._driver = Driver(machine, store, deps=deps, model=model, observers=observers)
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def run_id(self) -> str:
        return self._machine.run_id

    @property
    def run(self) -> Run[S]:
        """The run as it stands now."""
        run_id = self.run_id
        plans, journal = self._store.plans(run_id), self._store.read(run_id)
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
            if not self._task.cancelled():
                self._task.result()

    async def _drive(self) -> None:
        self._store.acquire(self.run_id)
        try:
            self._driver.prepare()
            self._begin()
            self._driver.commit()
            await self._driver.drive()
        finally:
            self._store.release(self.run_id)
            self._ended.set()

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
        if self._task is None:
            raise RunError(
                "The run was not started",
                why="A live run starts with `async with`.",
                fix="async with graph.start(...) as live:",
            )
        await asyncio.shield(self._task)
        return self._outcome()

    def events(self) -> AsyncIterator[Event]:
        """What happens from now on, typed, until the run rests. Several may listen; none can slow the run down."""
        waiting: deque[Event] = deque()
        arrived = asyncio.Event()

        def observe(event: Event) -> None:
            waiting.append(event)
            arrived.set()

        self._driver.observers.append(observe)
        return self._stream(waiting, arrived, observe)

    async def _stream(self, waiting: deque[Event], arrived: asyncio.Event, observe: Observer) -> AsyncIterator[Event]:
        try:
            while True:
                while waiting:
                    yield waiting.popleft()
                if self._ended.is_set():
                    return
                arrived.clear()
                ended = asyncio.ensure_future(self._ended.wait())
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
        """Answer a question: ``live.answer(approve.answer(True))`` or by id or node name. Raises AnswerInvalid."""
        self._driver.tick()
        if isinstance(answer, Answer):
            self._machine.answer(answer.node, answer.value)
        else:
            self._machine.answer(answer, value)
        self._driver.nudge()

    def cancel(self, path: str | None = None) -> bool:
        """End the run, or one scope of it (S14.2). False if there is no such live scope."""
        self._driver.tick()
        was_live = self._machine.cancel(path)
        self._driver.nudge()
        return was_live

    async def stop(self) -> None:
        """Stop driving; the run stays as it is and can be resumed (S14.2)."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
