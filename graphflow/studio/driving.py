"""Runs that somebody started, answered, resumed or reran from the page, driven in this process until they rest.

Nothing else of the store is taken: a studio is no worker, and never goes on with a run by accident. So many are driven
at once; the next ones stand in line. Runs have one thread and event loop of their own, which they share, as what nodes
are given (``ctx.deps``, clients of models) belongs to one loop. A plain node that blocks therefore holds up the other
runs that are driven here, but no page; with ``blocking=True`` it holds up nobody. What holds Python itself, such as a C
extension that keeps the interpreter's lock, holds up the page too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, TypeVar

from graphflow.errors import GraphflowError, RunFailed, StudioRefused
from graphflow.runtime.run import Run
from graphflow.service.spots import spot_of
from graphflow.stores.store import RunRow
from graphflow.studio.desk import Desk

T = TypeVar("T")
Begin = Callable[[], Coroutine[Any, Any, Run[Any]]]
"""Makes what drives a run to its rest; what does not let it begin is raised at the call, or soon after."""

AT_ONCE = 8
_LOG = logging.getLogger("graphflow.studio")
_LOOK_S = 0.02
_LONGEST_LOOK_S = 2.0
_PATIENCE_S = 0.7  # of who asked for something, with a node that holds the runs' loop
_HARDLY_S = 0.1  # of who needs no answer to what was asked
_ENDS_WITHIN_S = 10.0
_TELLS_AFTER_S = 0.5  # what it waits for, when it is to end
_THREADS = "graphflow-node"  # by which the command line knows them when it ends


class Driving:
    """The runs that a studio drives. Made and closed by its server; safe to use from any of the server's threads."""

    def __init__(self, desk: Desk, *, at_once: int = AT_ONCE) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._runs: set[str] = set()
        self._in_line: set[str] = set()
        self._works: dict[str, Coroutine[Any, Any, Run[Any]]] = {}  # of the runs that are driven, or stand in line
        self._tasks: dict[str, asyncio.Task[Run[Any]]] = {}
        self._attending: dict[str, asyncio.Task[None]] = {}
        self._asking: set[asyncio.Task[Any]] = set()
        self._is_closing = False
        self._room = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(thread_name_prefix=_THREADS)
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(self._threads)
        self._thread = threading.Thread(target=self._serve, name="graphflow-studio-runs", daemon=True)
        self._thread.start()

    def runs(self) -> set[str]:
        """The ids of the runs that are driven here now, or stand in line for it."""
        with self._lock:
            return set(self._runs)

    def has_begun(self, run_id: str) -> bool:
        """Whether a run is driven here now, and does not stand in line, or wait for a node that holds the loop."""
        with self._lock:
            return run_id in self._runs and run_id in self._tasks and run_id not in self._in_line

    def drive(self, run_id: str, begin: Begin) -> bool:
        """Drive a run until it rests; returns as soon as it is under way, or in line. Raises what does not let it begin.

        While a node holds the loop it is in line, too; what does not let it begin is then told on the terminal.
        False for one that is driven here already, which is left at that: a button that is pressed twice does nothing twice.
        """
        with self._lock:
            if self._is_closing:
                raise _closing()
            if run_id in self._runs:
                return False
            self._runs.add(run_id)
        try:
            work = begin()
        except BaseException:
            self._forget(run_id)
            raise
        with self._lock:
            is_closing = self._is_closing
            if not is_closing:
                self._works[run_id] = work
        if is_closing:
            work.close()
            self._forget(run_id)
            raise _closing()
        self._ask(lambda: self._begin(run_id, work))
        return True

    def attend(self, run_id: str, begin: Begin) -> None:
        """See to it that an answer is taken that was left for a run which had a driver a moment ago.

        That driver takes it, as a rule. If it went to rest without having seen it, the run is driven here.
        """
        self._ask(lambda: self._attend(run_id, begin), _HARDLY_S)

    def stop(self, run_id: str) -> bool | None:
        """Put a run down, resumable. Whether it was driven here; None if what it is at does not let go of it yet."""
        with self._lock:
            if run_id not in self._runs:
                return False
        return True if self._ask(lambda: self._put_down(run_id)) else None

    async def close(self) -> None:
        """Put all runs down, resumable, and end."""
        await asyncio.to_thread(self._close)

    # -- in the runs' own loop -----------------------------------------------------------------------------------------

    async def _begin(self, run_id: str, work: Coroutine[Any, Any, Run[Any]]) -> None:
        self._in_line.add(run_id)
        task = self._tasks[run_id] = self._loop.create_task(self._drive(run_id, work), name=run_id)
        task.add_done_callback(lambda done: self._rests(run_id, done))
        await asyncio.sleep(0)
        while not task.done() and run_id not in self._in_line:
            await asyncio.wait([task], timeout=_LOOK_S)
            row = await asyncio.to_thread(self._row, run_id)
            if row is None or row.is_driven:
                return
        if task.done() and not task.cancelled():
            error = task.exception()
            if error is not None and not isinstance(error, RunFailed):
                raise error

    async def _drive(self, run_id: str, work: Coroutine[Any, Any, Run[Any]]) -> Run[Any]:
        async with self._room:
            self._in_line.discard(run_id)
            return await work

    def _rests(self, run_id: str, task: asyncio.Task[Run[Any]]) -> None:
        self._in_line.discard(run_id)
        self._tasks.pop(run_id, None)
        work = self._works.pop(run_id, None)
        if work is not None:
            work.close()  # one that stood in line was never begun
        self._forget(run_id)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, RunFailed):  # that it failed is in its journal, and on its page
            _LOG.error("Run %s is no longer driven here: %s", run_id, error)

    async def _attend(self, run_id: str, begin: Begin) -> None:
        if run_id not in self._attending:
            task = self._attending[run_id] = self._loop.create_task(self._see_to(run_id, begin))
            task.add_done_callback(lambda done: self._attending.pop(run_id, None))

    async def _see_to(self, run_id: str, begin: Begin) -> None:
        """Until the answers are taken. A run that was stopped meanwhile stays so: whoever did it meant it."""
        wait_s = _LOOK_S
        while True:
            row = await asyncio.to_thread(self._row, run_id)
            if row is None or not row.has_answers:
                return
            if not row.is_driven:
                if row.standing.status != "waiting":
                    return
                try:
                    await asyncio.to_thread(self.drive, run_id, begin)
                except Exception as error:  # whatever it is: the answer is kept, and the run can be resumed
                    _LOG.error("Run %s was answered, but does not go on: %s", run_id, error)
                    return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_LOOK_S)

    async def _put_down(self, run_id: str) -> bool:
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        return True

    async def _put_all_down(self) -> bool:
        for task in self._attending.values():
            task.cancel()
        tasks = list(self._tasks.values())
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        return True

    def _row(self, run_id: str) -> RunRow | None:
        with suppress(GraphflowError):
            return self._desk.store.row(run_id)
        return None

    # -- from other threads --------------------------------------------------------------------------------------------

    def _forget(self, run_id: str) -> None:
        with self._lock:
            self._runs.discard(run_id)

    def _ask(self, work: Callable[[], Coroutine[Any, Any, T]], patience_s: float | None = None) -> T | None:
        """What the work comes to; None if that takes too long: it is done as soon as a node lets go of the loop."""
        future = self._asked(work)
        try:
            return future.result(_PATIENCE_S if patience_s is None else patience_s)
        except TimeoutError:
            if future.done():
                raise  # it is the work's own
            return None

    def _asked(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """The work, made in the loop: were the loop never free again, nothing would be left that nobody awaits."""
        future: Future[T] = Future()

        def begin() -> None:
            task = self._loop.create_task(work())
            self._asking.add(task)
            task.add_done_callback(lambda done: self._answered(future, done))

        self._loop.call_soon_threadsafe(begin)
        return future

    def _answered(self, future: Future[Any], task: asyncio.Task[Any]) -> None:
        self._asking.discard(task)
        if task.cancelled():
            future.cancel()
            return
        error = task.exception()
        if error is None:
            future.set_result(task.result())
        else:
            future.set_exception(error)

    def _close(self) -> None:
        with self._lock:
            if self._is_closing:
                return
            self._is_closing = True
        down = self._asked(self._put_all_down)
        if not _is_done_within(down, _TELLS_AFTER_S):
            _LOG.warning(
                "The studio ends as soon as this lets go, in %d s at the latest: %s", _ENDS_WITHIN_S, self._held()
            )
        is_down = _is_done_within(down, _ENDS_WITHIN_S)
        self._threads.shutdown(wait=False, cancel_futures=True)  # a thread cannot be stopped
        self._loop.call_soon_threadsafe(self._loop.stop)
        if is_down:
            self._thread.join(_ENDS_WITHIN_S)
        else:
            _LOG.error("A node does not let go of the runs that are driven here; they are left behind, resumable.")
            self._leave_unbegun()

    def _held(self) -> str:
        """Where the runs are that are driven here, in words."""
        rows = {run_id: self._row(run_id) for run_id in sorted(self.runs()) if self.has_begun(run_id)}
        places = {
            run_id: ", ".join(str(spot_of(cursor)) for cursor in row.standing.frontier)
            for run_id, row in rows.items()
            if row is not None
        }
        return "; ".join(f"run {run_id} at {place}" if place else f"run {run_id}" for run_id, place in places.items())

    def _leave_unbegun(self) -> None:
        """Close what was asked for while a node held the loop, and never began; say so."""
        with self._lock:
            works = [(run_id, work) for run_id, work in self._works.items() if getcoroutinestate(work) == CORO_CREATED]
        for run_id, work in works:
            work.close()
            _LOG.error(
                "Run %s was asked for, but did not begin any more. To go on: graphflow runs resume %s", run_id, run_id
            )

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


def _is_done_within(future: Future[Any], seconds: float) -> bool:
    done, _ = wait([future], seconds)
    return bool(done)


def _closing() -> StudioRefused:
    return StudioRefused(
        "The studio is about to end", code="GF548", status=503, why="Nothing was changed.", fix="Start it again."
    )


def read_only() -> StudioRefused:
    """What is said where a studio that may only look is asked to act."""
    return StudioRefused(
        "This studio is read-only",
        code="GF544",
        status=403,
        why="It was started with --read-only. Nothing was changed.",
        fix="Start it without --read-only.",
    )
