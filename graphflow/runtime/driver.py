"""The asyncio driver of one run: lazy workers around the machine.

A worker takes a ready cursor, awaits its node inline, hands the outcome to the machine in one synchronous block,
commits, and goes on with the next cursor. Further workers start only while cursors are left, so a chain makes one
task and 10,000 branches that never wait make three. Never is anything awaited between a machine's decision and its
commit. What a worker must not let leak from one node to the next: context variables (it retires), and a cancel
(it is taken back).
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from graphflow.core import reading
from graphflow.core.annotations import own_copy
from graphflow.core.journal import encode, expand
from graphflow.core.machine import Machine
from graphflow.core.scopes import RUNNING, Recorded, Scope
from graphflow.core.timing import node_timeout
from graphflow.errors import Internal, NodeCancelled, NodeError
from graphflow.graph.context import Branch, Context, Handoff, Offer
from graphflow.runtime.events import Event, NodeStarted, TextStreamed, event_of
from graphflow.runtime.hands import DriverHands, Suspended
from graphflow.stores.store import Store

YIELD_AFTER_S = 0.002
"""A worker whose nodes never wait lets the loop breathe this often."""

BLOCKED_S = 0.25
"""A plain sync node that takes longer than this has blocked every other node, and is warned of."""

_STATE = ("state",)
_STATE_AND_ITEM = ("state", "item")

Observer = Callable[[Event], None]


class BlockingNodeWarning(RuntimeWarning):
    """A sync node blocked the event loop: declare it with ``blocking=True``, then it runs in a thread."""


class _Worker:
    __slots__ = ("hands", "is_stopped", "pending", "scope", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.scope: Scope | None = None
        self.hands: DriverHands | None = None
        self.pending: Sequence[dict[str, Any]] = ()  # the node's ctx.update calls
        self.is_stopped = False


class Driver:
    """Drives one machine until it rests: done, failed, cancelled, exhausted or waiting."""

    def __init__(
        self, machine: Machine, store: Store, *, deps: Any = None, model: Any = None, observers: Sequence[Observer] = ()
    ) -> None:
        self.machine = machine
        self.store = store
        self.deps = deps
        self.model = model
        self.observers = list(observers)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._epoch = 0.0
        self._clock: Callable[[], float] = time.monotonic
        self._workers: set[_Worker] = set()
        self._starting = 0
        self._burst = 1
        self._over: asyncio.Future[None] | None = None
        self._timers: list[tuple[float, int, Scope, tuple[Any, ...]]] = []
        self._timer_count = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_due = 0.0
        self._context: contextvars.Context = contextvars.copy_context()
        self._blockers: set[str] = set()

    # -- from outside ----------------------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Drive until the run rests. Cancelled, it stops and leaves the run as it is, resumable (S14.2)."""
        self.prepare()
        assert self._over is not None
        try:
            self._wake_workers()
            await self._over
        finally:
            await self._put_down()

    def prepare(self) -> None:
        """Bind to the running loop; the machine's clock starts."""
        if self.loop is not None:
            return
        loop = self.loop = asyncio.get_running_loop()
        if type(loop).time is not asyncio.BaseEventLoop.time:  # a virtual clock; asyncio's own is time.monotonic
            self._clock = loop.time
        self._epoch = getattr(loop, "epoch_s", None) or time.time() - loop.time()
        self._over = loop.create_future()
        self._context = contextvars.copy_context()
        self.tick()
        self.machine.spent.since = self.machine.now

    def tick(self) -> None:
        """Tell the machine the time: seconds since 1970, by the loop's own clock."""
        if self.loop is not None:
            self.machine.now = self._epoch + self._clock()
        elif not self.machine.now:
            self.machine.now = time.time()

    def commit(self) -> None:
        """Commit what the last event left behind, then perform: timers, stops, observers (commit, then perform)."""
        machine = self.machine
        entries = machine.entries
        if entries:
            if len(entries) == 1:  # nearly every step; without the comprehension 0.15 us less
                entry, plan = entries[0]
                self.store.append(machine.run_id, (entry if type(entry) is tuple else encode(entry, plan),))
            else:
                self.store.append(machine.run_id, [e if type(e) is tuple else encode(e, plan) for e, plan in entries])
            if self.observers:
                for entry, _ in entries:
                    self.tell(event_of(expand(entry), machine.plan))
            entries.clear()
        if machine.timers:
            self._set_timers()
        if machine.stops:
            self._stop_cursors()

    def tell(self, event: Event) -> None:
        """Tell every observer. One that raises must not harm the run; it is taken off, loudly."""
        for observer in list(self.observers):
            try:
                observer(event)
            except Exception as error:
                self.observers.remove(observer)
                warnings.warn(
                    f"An observer of run {self.machine.run_id} raised {error!r} and was removed", stacklevel=2
                )

    def show_text(self, scope: Scope, text: str, tool: str, call: int) -> None:
        if self.observers:
            self.tell(TextStreamed(0, scope.path, scope.node.name, self.machine.now, text, tool, call))

    def record(self, scope: Scope, turn: int, key: str, effect: Recorded) -> bool:
        """An effect has returned: it is committed at once, before the node goes on (S11.1). False: it is too late."""
        self.tick()
        if not self.machine.record(scope, turn, key, effect):
            return False
        self.commit()
        return True

    def spend(self, path: str, node: str, usage: dict[str, Any]) -> None:
        """A call was paid for in vain: it failed, or came too late (S13.1)."""
        self.tick()
        self.machine.spend(path, node, usage)
        self.commit()

    def nudge(self) -> None:
        """Something happened outside the workers (an answer, a cancel): commit it and go on."""
        self.commit()
        if self._over is not None and not self._over.done():
            self._wake_workers()

    # -- workers ---------------------------------------------------------------------------------------------------

    def _wake_workers(self) -> None:
        """Start one worker if there may be work and none is on its way; without any work the run rests."""
        if not self._starting:
            self._start_worker()

    def _start_worker(self) -> None:
        assert self.loop is not None
        worker = _Worker()
        self._workers.add(worker)
        self._starting += 1
        worker.task = self.loop.create_task(self._work(worker), context=self._context.copy())

    async def _work(self, worker: _Worker) -> None:
        self._starting -= 1
        try:
            if await self._take_turns(worker):
                self._wake_workers()
        except BaseException as error:
            is_told = self._crash(error)
            if isinstance(error, asyncio.CancelledError) or not is_told:
                raise
        finally:
            self._workers.discard(worker)

    def _crash(self, error: BaseException) -> bool:
        """A bug of ours, Ctrl-C, or a test's stop signal: the driver ends, the run stays. False: it is over already."""
        over = self._over
        if over is None or over.done():
            return False
        if isinstance(error, asyncio.CancelledError):
            over.cancel()
        else:
            over.set_exception(error)
        return True

    async def _take_turns(self, worker: _Worker) -> bool:
        """Work until nothing is ready. True: this worker's context is no longer clean, another must go on.

        All of a usual step is in this loop: a coroutine for each attempt and one for each call made it 0.8 us longer.
        """
        machine, clock, epoch, clean = self.machine, self._clock, self._epoch, self._context
        entries, timers, ready, opening = machine.entries, machine.timers, machine.ready, machine.opening
        breathed = clock()
        while True:
            scope = machine.take()
            if entries or timers:  # of branches that began: nothing waits between deciding and commit
                self.commit()
            if scope is None:
                self._burst = 1
                if not machine.running and not self._starting and self._rest():
                    continue
                return False
            if (ready or opening) and not self._starting:
                self._start_burst()
            node, turn = scope.node, scope.turn
            worker.scope, scope.performer = scope, worker
            if node.timeout_s is not None or self.observers:
                self._announce(scope)
            try:
                if node.mode != "async" or node.call is None:
                    result = await self._call_function(worker, scope)
                elif node.arguments == _STATE:
                    result = await node.call(machine.view(scope))
                elif node.arguments == _STATE_AND_ITEM:  # every branch of a map: 0.3 us less than one by one
                    result = await node.call(machine.view(scope), _item(scope))
                else:
                    result = await node.call(*self._arguments(worker, scope))
            except BaseException as error:
                self._failed(worker, scope, turn, error)
            else:
                machine.now = epoch + clock()
                if type(result) is Handoff:
                    target = _target_name(result.target)
                    machine.finish(scope, turn, result.update, worker.pending, target, result.data)
                elif worker.pending or not machine.finish_simply(scope, turn, result):
                    machine.finish_generally(scope, turn, result, worker.pending)
                result = None
            worker.scope = None
            if worker.hands is not None:
                worker.hands, worker.pending = None, ()
            if worker.is_stopped:
                self._take_back_cancel(worker)
            self.commit()
            if contextvars.copy_context() != clean:
                return True
            if machine.now - epoch - breathed > YIELD_AFTER_S:  # as of the node's end: one look at the clock a step
                await asyncio.sleep(0)
                breathed = clock()
                machine.now = epoch + breathed

    def _start_burst(self) -> None:
        """More is ready than this worker can take at once: 1, 2, 4, ... others start."""
        for _ in range(self._burst):
            self._start_worker()
        self._burst = min(2 * self._burst, 64)

    def _rest(self) -> bool:
        """Nothing runs and nothing is ready. True: there is more to do after all."""
        machine, over = self.machine, self._over
        assert over is not None
        if over.done():
            return False
        self.commit()
        self.tick()
        if self._fire_due():  # after a resume, due timers go before the run is found waiting (S10.3)
            return True
        if machine.status == "running":
            if machine.is_exhausted:
                more = machine.wind_up()
                self.commit()
                if more:
                    return True
            elif machine.is_waiting:
                machine.status = "waiting"
            elif machine.idle or self._timers:
                return False  # the watchdog will go on
            else:
                over.set_exception(Internal(f"Run {machine.run_id} stands still with nothing owed (S6.8)."))
                return False
        over.set_result(None)
        return False

    def _announce(self, scope: Scope) -> None:
        """An attempt begins: set its timeout, tell the observers."""
        node, machine = scope.node, self.machine
        self.tick()
        if node.timeout_s is not None:
            self._push_timer(machine.now + node.timeout_s, scope, ("timeout", scope.turn))
        if self.observers:
            self.tell(NodeStarted(0, scope.path, node.name, machine.now, scope.attempt))

    async def _call_function(self, worker: _Worker, scope: Scope) -> Any:
        """Call a node that is a plain function, in a thread if it blocks. No name may hold its view afterwards."""
        node = scope.node
        call = node.call
        assert call is not None
        given = self._arguments(worker, scope)
        if node.mode == "blocking":
            try:
                return await asyncio.to_thread(_in_thread, call, given)
            finally:
                given.clear()
        started = time.perf_counter()
        result = call(*given)
        given.clear()
        if time.perf_counter() - started > BLOCKED_S:
            self._warn_of_blocking(node.name, time.perf_counter() - started)
        return result

    def _arguments(self, worker: _Worker, scope: Scope) -> list[Any]:
        """What the node's function is called with, by the names it takes."""
        return [self._argument(name, worker, scope) for name in scope.node.arguments]

    def _argument(self, name: str, worker: _Worker, scope: Scope) -> Any:
        if name == "state":
            return self.machine.view(scope)
        if name == "item":
            return _item(scope)
        return self._make_context(worker, scope)

    def _make_context(self, worker: _Worker, scope: Scope) -> Context[Any]:
        node = scope.node
        hands = worker.hands = DriverHands(self, scope, scope.turn)
        worker.pending = hands.pending
        return Context(
            run_id=self.machine.run_id,
            cursor=scope.path,
            node=node.name,
            visit=scope.visit,
            attempt=scope.attempt,
            deps=self.deps,
            item=_item(scope),
            items=tuple(map(own_copy, scope.items)),
            branches=self._branches(scope),
            error=scope.error,
            handoffs=tuple(
                Offer(scope.plan.nodes[edge.target].name, edge.description, edge.takes)
                for edge in reading.offers(scope)
            )
            if node.handoffs
            else (),
            must_hand_off=bool(node.handoffs) and not node.exits,
            model=self.model,
            writes=node.writes.declared,
            hands=hands,
        )

    def _branches(self, scope: Scope) -> tuple[Branch, ...]:
        fork = scope.branches
        if fork is None:
            return ()
        build = scope.plan.schema.snapshot
        return tuple(
            Branch(index, item, status, error, attempts, values, build)  # type: ignore[arg-type]
            for index, (item, status, error, attempts, values) in enumerate(reading.branch_values(fork))
        )

    def _warn_of_blocking(self, name: str, seconds: float) -> None:
        if name not in self._blockers:
            self._blockers.add(name)
            warnings.warn(
                f"Node {name!r} is a plain function and held the event loop for {seconds:.2f} s; nothing else could run. "
                "Declare it with graph.node(blocking=True), or make it async.",
                BlockingNodeWarning,
                stacklevel=2,
            )

    # -- failures and cancellation ---------------------------------------------------------------------------------

    def _failed(self, worker: _Worker, scope: Scope, turn: int, error: BaseException) -> None:
        """An attempt ended by raising."""
        if isinstance(error, Suspended):
            self.machine.give_back(scope, turn)
        elif isinstance(error, asyncio.CancelledError):
            self._cancelled(worker, scope, turn)
        elif isinstance(error, Exception):
            self._tick_fail(worker, scope, turn, _stopped(scope, error))
        else:
            self.machine.give_back(scope, turn)
            raise error

    def _tick_fail(self, worker: _Worker, scope: Scope, turn: int, error: Exception) -> None:
        self.tick()
        in_call = worker.hands is not None and worker.hands.failed_in(error)
        self.machine.fail(scope, turn, error, in_call)

    def _cancelled(self, worker: _Worker, scope: Scope, turn: int) -> None:
        """Whose cancel was it: ours, the driver's own end, or the node's (S8.4)?"""
        if worker.is_stopped:
            return
        assert worker.task is not None
        if worker.task.cancelling():
            self.machine.give_back(scope, turn)
            raise asyncio.CancelledError
        failure = NodeCancelled(
            f"Node {scope.node.name!r} was cancelled from outside",
            cursor=scope.path,
            why="It raised CancelledError, which graphflow did not send. (S8.4)",
            fix="Catch it in the node, or shield what it awaits.",
        )
        self._tick_fail(worker, scope, turn, failure)

    def _stop_cursors(self) -> None:
        """The machine has taken cursors off: cancel what performs them."""
        for scope in self.machine.stops:
            self._stop_worker(_performer(scope))
        self.machine.stops.clear()

    def _stop_worker(self, worker: _Worker | None) -> None:
        if worker is not None and worker.task is not None and not worker.is_stopped:
            worker.is_stopped = True
            if worker.task is not asyncio.current_task():
                worker.task.cancel()

    def _take_back_cancel(self, worker: _Worker) -> None:
        """Ours has struck, or was swallowed by the node: the worker itself goes on."""
        task = worker.task
        assert task is not None
        while task.cancelling():
            task.uncancel()
        worker.is_stopped = False

    async def _put_down(self) -> None:
        """Stop every worker and wait for it; cursors that ran are ready again. Nothing is left running (S14.2)."""
        if self._alarm is not None:
            self._alarm.cancel()
        tasks = [worker.task for worker in self._workers if worker.task is not None]
        for task in tasks:
            task.cancel()
        while pending := [task for task in tasks if not task.done()]:
            await asyncio.wait(pending)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # seen: it has been reported through the run's future
        self.tick()
        self.machine.spent.seconds += self.machine.now - self.machine.spent.since
        self.machine.spent.since = self.machine.now
        self.commit()

    # -- timers ----------------------------------------------------------------------------------------------------

    def _set_timers(self) -> None:
        for due, scope, timer in self.machine.timers:
            self._push_timer(due, scope, timer)
        self.machine.timers.clear()

    def _push_timer(self, due: float, scope: Scope, timer: tuple[Any, ...]) -> None:
        self._timer_count += 1
        heapq.heappush(self._timers, (due, self._timer_count, scope, timer))
        self._set_alarm()

    def _set_alarm(self) -> None:
        """One watchdog: a single call of the loop's, at the earliest due time."""
        if self.loop is None or not self._timers:
            return
        due = self._timers[0][0]
        if self._alarm is not None:
            if due >= self._alarm_due:
                return
            self._alarm.cancel()
        self._alarm_due = due
        self._alarm = self.loop.call_at(due - self._epoch, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        over = self._over
        if over is None or over.done():
            return
        self.tick()
        try:
            self._fire_due()
        except BaseException as error:
            self._crash(error)
            return
        self._set_alarm()
        self._wake_workers()

    def _fire_due(self) -> bool:
        """Fire every timer that is due. False if none was."""
        is_any = False
        while self._timers and self._timers[0][0] <= self.machine.now:
            _, _, scope, timer = heapq.heappop(self._timers)
            self._fire(scope, timer)
            is_any = True
        return is_any

    def _fire(self, scope: Scope, timer: tuple[Any, ...]) -> None:
        if timer[0] == "timeout":
            if scope.turn != timer[1] or scope.status != RUNNING:
                return
            worker = _performer(scope)
            in_call = worker is not None and worker.hands is not None and worker.hands.calls_open > 0
            self.machine.fail(scope, timer[1], node_timeout(scope), in_call)
            self._stop_worker(worker)
        else:
            self.machine.fire(scope, timer)
        self.commit()


def _performer(scope: Scope) -> _Worker | None:
    """The worker that performs a cursor's node now."""
    worker: _Worker | None = scope.performer
    return worker if worker is not None and worker.scope is scope else None


def _in_thread(call: Callable[..., Any], given: Sequence[Any]) -> Any:
    try:
        return call(*given)
    except StopIteration as stop:  # a future cannot hold one: the run would wait for ever
        raise RuntimeError("a node raised StopIteration") from stop


def _stopped(scope: Scope, error: Exception) -> Exception:
    """Python turns a StopIteration that leaves a coroutine into a RuntimeError, which says nothing of the node."""
    if type(error) is not RuntimeError or not isinstance(error.__cause__, StopIteration):
        return error
    stopped = NodeError(
        f"Node {scope.node.name!r} raised StopIteration",
        cursor=scope.path,
        why="It cannot leave a coroutine as it is, so it is this error of the node. (S8.1)",
        fix="Mostly a next() found nothing: give it a default, next(found, None).",
        where=(scope.node.place,) if scope.node.place else (),
    )
    stopped.__cause__ = error.__cause__
    return stopped


def _item(scope: Scope) -> Any:
    """The innermost map's item, the node's own like its view (S3.6): a retry, and the journal, see it unaltered."""
    return own_copy(scope.items[-1]) if scope.items else None


def _target_name(target: Any) -> str:
    """A handoff's target as a name: a handle, an end or a string."""
    return target if isinstance(target, str) else str(getattr(target, "name", target))
