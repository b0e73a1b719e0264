"""An event loop whose order a seed decides, on a clock that takes no time: where asyncio leaves open who goes next.

Tasks that are ready go on in any order; callbacks stay where they are, since code relies on that. Threads are calls, at
a moment of the seed's choosing. The loop can be struck before any of its turns, and can die: then nothing in it moves.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from heapq import heappop
from typing import Any, TypeVar, TypeVarTuple, Unpack

from graphflow.testing.playing.still import NOTHING_COMES, StillLoop, Unreachable
from graphflow.testing.simulating.draws import chance
from graphflow.testing.virtual import EPOCH_S

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MOST_IDLE_TURNS = 20_000
"""A run that has turned so often and come to nothing hangs."""


class Died(Exception):
    """The process has died, as far as anything in the loop can tell."""


class Hung(Exception):
    """The run comes to nothing any more."""


class SeededLoop(StillLoop):
    """See the module's docstring. ``turns`` counts; ``strike_at`` is the turn before which ``strike`` is called.

    ``owners`` says which cursor's node started a task, as far as the tasks say so by ``own``. ``chance`` is that of this
    process: as it runs by it alone, whoever asks is the same one each time.
    """

    _ready: deque[asyncio.Handle]  # asyncio's own
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, seed: object, start_s: float = 0.0) -> None:
        super().__init__()
        self.epoch_s = EPOCH_S
        self.turns = 0
        self.idle_turns = 0
        self.strike_at = -1
        self.strike: Callable[[], object] = lambda: None
        self.is_dead = False
        self.owners: dict[asyncio.Task[Any], str] = {}
        self._now = start_s
        self.chance = chance(seed, "order", start_s)
        self._held: list[asyncio.Handle] = []
        self._stopped: set[asyncio.Task[Any]] = set()  # held on to: nothing else may do so any more
        self._threads = set(threading.enumerate())
        self._is_empty = False  # seen to be: to look costs as much as all the tasks there are

    # -- running -------------------------------------------------------------------------------------------------------

    def play(self, main: Coroutine[Any, Any, T], begun: Callable[[asyncio.Task[T]], object]) -> T:
        """Run it to its end; ``begun`` is given its task first. Raises Died, Hung, and what it raises."""
        task = self.create_task(main)
        task.add_done_callback(lambda _: self.stop())
        begun(task)
        self.run_forever()
        if self.is_dead:
            raise Died
        result: T = task.result()
        return result

    def die(self) -> None:
        """From now on nothing goes on, not even what is ready in this very turn."""
        self.is_dead = True
        self._held.extend(self._ready)
        self._stopped = asyncio.all_tasks(self)
        self._ready.clear()
        self.stop()

    def _run_once(self) -> None:
        """One turn, in the place of asyncio's own: that one looks for the outside each time, at a third of a run's cost."""
        self.turns += 1
        self.idle_turns += 1
        if self.turns == self.strike_at:
            self.strike()
        if self.idle_turns > MOST_IDLE_TURNS and not self.is_dead:
            raise Hung
        ready = self._ready
        self._ring(ready)
        if len(ready) > 1:
            self._reorder(ready)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
            if self.is_dead:
                return

    def _ring(self, ready: deque[asyncio.Handle]) -> None:
        """Let the timers that are due follow; where nothing else is to be done, time goes on to the next of them."""
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise Unreachable(NOTHING_COMES)
            self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now:
            ready.append(heappop(timers))

    def _reorder(self, ready: deque[asyncio.Handle]) -> None:
        places = [place for place, handle in enumerate(ready) if _is_step(handle)]
        if len(places) > 1:
            handles = [ready[place] for place in places]
            self.chance.shuffle(handles)
            for place, handle in zip(places, handles, strict=True):
                ready[place] = handle

    # -- whose it is ---------------------------------------------------------------------------------------------------

    def own(self, task: asyncio.Task[Any] | None, cursor: str) -> None:
        """A task works for a cursor's node, and so do those that it starts; no cursor: no longer."""
        if task is not None and cursor:
            self.owners[task] = cursor
        elif task is not None:
            self.owners.pop(task, None)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **options)
        by = asyncio.current_task(self)
        if by in self.owners:
            self.owners[task] = self.owners[by]
        return task

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            if future.cancelled():  # a thread that has not begun
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self.chance.choice((0.0, 0.001, 0.01)), work)
        return future

    # -- what is left --------------------------------------------------------------------------------------------------

    def left_over(self) -> list[str]:
        """What goes on although everything has ended: tasks, timers, threads; each with whose it is."""
        self.run_until_complete(_turns(_LAST_TURNS))
        found: list[str] = []
        tasks = asyncio.all_tasks(self)
        self._is_empty = not tasks
        for task in sorted(tasks, key=lambda one: one.get_name()):
            owner = self.owners.get(task, "")
            by = f", started by {owner!r}," if owner else ""
            found.append(f"the task {_name_of(task)}(){by} is still running")
        for timer in self._scheduled:
            if not timer.cancelled() and not found:  # a task that sleeps has one
                found.append(f"a timer is still set, {timer.when() - self.time():,.3g} s from now")
        for thread in set(threading.enumerate()) - self._threads:
            if not thread.name.startswith("graphflow"):
                thread.join(_THREAD_S)
                if thread.is_alive():
                    found.append(f"the thread {thread.name!r} is still running")
        return found

    def bury(self) -> None:
        """Let nothing of it be destroyed while pending, which Python would complain of; nobody looks any more."""
        if self._is_empty:
            return
        self._ready.extend(self._held)
        self._held.clear()
        self.is_dead, self.strike_at, self.idle_turns = False, -1, 0
        for _ in range(_MOST_CANCELS):
            left = [task for task in asyncio.all_tasks(self) if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            try:
                self.run_until_complete(_turns(1))
            except BaseException:  # of a task that ends; what it raises belongs to nobody
                continue
        for task in asyncio.all_tasks(self):
            vars_of: Any = task
            vars_of._log_destroy_pending = False
        self.set_exception_handler(lambda _, __: None)
        self._stopped.clear()


async def _turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def _is_step(handle: asyncio.Handle) -> bool:
    callback: Any = getattr(handle, "_callback", None)
    return isinstance(getattr(callback, "__self__", None), asyncio.Task)


def _name_of(task: asyncio.Task[Any]) -> str:
    work: Any = task.get_coro()
    return str(getattr(work, "__qualname__", work)).replace("<locals>.", "")


_LAST_TURNS = 4
_MOST_CANCELS = 50
_THREAD_S = 2.0
