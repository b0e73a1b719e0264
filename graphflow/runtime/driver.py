"""The asyncio driver of one run: lazy workers around the machine.

A worker takes a ready cursor, awaits its node inline, hands the outcome to the machine in one synchronous block,
commits, and goes on with the next cursor. Further workers start only while cursors are left, so a chain makes one
task and 10,000 branches that never wait make one. Never is anything awaited between a machine's decision and its
commit. What a worker must not let leak from one node to the next: context variables (it retires), and a cancel
(it is taken back).
"""

from __future__ import annotations

import asyncio
import contextvars
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from graphflow.core.journal import encode, expand
from graphflow.core.lanes import Lane
from graphflow.core.machine import Machine
from graphflow.core.scopes import Recorded, Scope
from graphflow.core.suspending import time_used_s
from graphflow.errors import Internal
from graphflow.graph.context import Handoff
from graphflow.graph.holding import Held
from graphflow.runtime import stopping
from graphflow.runtime.calling import arguments, call_function, item_of
from graphflow.runtime.events import Event, NodeStarted, TextStreamed, event_of
from graphflow.runtime.hands import DriverHands
from graphflow.runtime.lanes import drive_lane
from graphflow.runtime.lost_changes import LostChanges
from graphflow.runtime.outbox import Durability, Outbox
from graphflow.runtime.reservations import Reservations
from graphflow.runtime.timers import Timers
from graphflow.runtime.watching import Listener, Observer, Watching
from graphflow.runtime.worker import Worker
from graphflow.stores.store import Store

YIELD_AFTER_S = 0.002
"""A worker whose nodes never wait lets the loop breathe this often."""


class Driver:
    """Drives one machine until it rests: done, failed, cancelled, exhausted or waiting."""

    def __init__(
        self,
        machine: Machine,
        store: Store,
        *,
        deps: Any = None,
        model: Any = None,
        approve: Any = None,
        durability: Durability = "step",
        observers: Sequence[Observer] = (),
    ) -> None:
        self.machine = machine
        machine.heed = LostChanges()
        self.store: Store | Outbox = store
        self.outbox = None if store.lease_s is None else Outbox(store, machine, durability, self.crash)
        if self.outbox is not None:
            self.store = self.outbox
        self.gate = self.outbox if durability == "step" else None  # what is performed waits for it
        self.deps, self.model, self.approve = deps, model, approve
        self.observers: list[Listener] = [one for one in observers if callable(one)]
        self.watching = Watching(self, found) if (found := [o for o in observers if not callable(o)]) else None
        self.max_depth = machine.plan.limits.depth
        self.held = Held()
        self.reservations: Reservations | None = None  # made for the first call that has to wait for the budget
        self.loop: asyncio.AbstractEventLoop | None = None
        self.epoch = 0.0  # the loop's time 0, in seconds since 1970
        self.clock: Callable[[], float] = time.monotonic
        self.context: contextvars.Context = contextvars.copy_context()
        self.workers: set[Worker] = set()
        self.timers = Timers(self)
        self.blockers: set[str] | None = None  # nodes that were warned of
        self.lane: Lane | None = None  # in which a branch is at work right now
        self.lane_worker: Worker | None = None
        self._starting = 0
        self._burst = 1
        self._over: asyncio.Future[None] | None = None

    # -- from outside ----------------------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Drive until the run rests. Cancelled, it stops and leaves the run as it is, resumable (S14.2)."""
        self.prepare()
        assert self._over is not None
        try:
            if self.outbox is not None:
                self.outbox.open(self)
            self.wake_workers()
            await self._over
        finally:
            try:
                await stopping.put_down(self)
            finally:
                if self.held:
                    await self.held.close()
                if self.outbox is not None:
                    await self.outbox.close()

    def prepare(self) -> None:
        """Bind to the running loop; the machine's clock starts."""
        if self.loop is not None:
            return
        loop = self.loop = asyncio.get_running_loop()
        if type(loop).time is not asyncio.BaseEventLoop.time:  # a virtual clock; asyncio's own is time.monotonic
            self.clock = loop.time
        # a run's time never goes back, whoever sets the clock between two drivers: what was due in a second still is
        self.epoch = getattr(loop, "epoch_s", None) or max(time.time(), self.machine.now) - loop.time()
        self._over = loop.create_future()
        self.context = contextvars.copy_context()
        self.tick()
        if self.watching is not None:
            self.context.run(self.watching.open)
        self.machine.spent.since = self.machine.now

    def tick(self) -> None:
        """Something is about to happen from outside: tell the machine the time, seconds since 1970 by the loop's clock."""
        self.leave_lane()
        if self.loop is not None:
            self.machine.now = self.epoch + self.clock()
        elif not self.machine.now:
            self.machine.now = time.time()

    def leave_lane(self) -> None:
        """Somebody looks at the run or alters it, from within a node in a lane: its branch becomes an ordinary one."""
        lane = self.lane
        if lane is not None and lane.scope is None:
            scope, worker = lane.give_way(), self.lane_worker
            assert worker is not None
            worker.scope, scope.performer = scope, worker

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
                self._tell_of([event_of(expand(entry), machine.plan) for entry, _ in entries])
            entries.clear()
        if machine.timers:
            self.timers.take_over()
        if machine.stops:
            stopping.stop_cursors(self)

    def _tell_of(self, events: list[Event]) -> None:
        """What was committed; with a store and ``durability="step"``, once it is safe: nobody hears of what may be lost."""
        if self.gate is None:
            for event in events:
                self.tell(event)
        else:
            self.gate.tell_once_safe(self.tell, events)

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

    @property
    def can_wait(self) -> bool:
        """Whether a node may wait for a person, and this process end meanwhile (S10.4)."""
        return True

    def hands_of(self, scope: Scope) -> DriverHands:
        """What the context of an attempt works with."""
        return DriverHands(self, scope, scope.turn)

    def show_text(self, scope: Scope, text: str, tool: str, call: int, under: str) -> None:
        if self.observers:
            self.tell(TextStreamed(0, under or scope.path, scope.node.name, self.machine.now, text, tool, call))

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
            self.wake_workers()

    # -- workers ---------------------------------------------------------------------------------------------------

    def wake_workers(self) -> None:
        """Start one worker if there may be work and none is on its way; without any work the run rests."""
        if not self._starting:
            self._start_worker()

    def _start_worker(self) -> None:
        assert self.loop is not None
        worker = Worker()
        self.workers.add(worker)
        self._starting += 1
        worker.task = self.loop.create_task(self._work(worker), context=self.context.copy())

    async def _work(self, worker: Worker) -> None:
        self._starting -= 1
        try:
            if not self.is_over and await self._take_turns(worker):
                self.wake_workers()
        except BaseException as error:
            is_told = self.crash(error) or stopping.is_told(self._over, error)
            if isinstance(error, asyncio.CancelledError) or not is_told:
                raise
        finally:
            self.workers.discard(worker)

    @property
    def is_over(self) -> bool:
        """Whether the run has come to rest, so that nothing is to be done any more."""
        return self._over is None or self._over.done()

    def crash(self, error: BaseException) -> bool:
        """A bug of ours, Ctrl-C, or a test's stop signal: the driver ends, the run stays. False: it is over already."""
        over = self._over
        if over is None or over.done():
            return False
        if isinstance(error, asyncio.CancelledError):
            over.cancel()
        else:
            over.set_exception(error)
        return True

    async def _take_turns(self, worker: Worker) -> bool:
        """Work until nothing is ready. True: this worker's context is no longer clean, another must go on.

        All of a usual step is in this loop: a coroutine for each attempt and one for each call made it 0.8 us longer.
        """
        machine, clock, epoch, clean = self.machine, self.clock, self.epoch, self.context
        entries, timers, ready, opening = machine.entries, machine.timers, machine.ready, machine.opening
        observers, copy_context, stops, gate = self.observers, contextvars.copy_context, machine.stops, self.gate
        over, watching = self._over, self.watching
        assert over is not None
        breathe_at = epoch + clock() + YIELD_AFTER_S
        while True:
            left = None
            if opening and not (ready or observers or gate):
                left = drive_lane(self, worker, breathe_at)
                if left is None and (over.done() or copy_context() != clean):
                    return not over.done()
                if left is None and machine.now > breathe_at:
                    breathe_at = await self._breathe()
                    continue
            scope = machine.take() if left is None else left.scope
            if entries or timers:  # of branches that began: nothing waits between deciding and commit
                self.commit()
            if scope is None:
                self._burst = 1
                if not machine.running and not self._starting and self._rest():
                    continue
                return False
            if (ready or opening) and not self._starting:
                self._start_burst()
            node, turn = scope.node, scope.turn if left is None else left.turn
            worker.scope, scope.performer = scope, worker
            if gate is not None and gate.is_behind and not await self._is_safe(worker, scope, turn):
                continue
            if node.timeout_s is not None or observers:
                self._announce(worker, scope)
            try:
                if left is not None:
                    result = await left.outcome
                elif node.awaited_with == "state":  # nearly every node; the next is nearly every branch
                    result = await node.awaited(machine.view(scope))
                elif node.awaited_with == "state, item":
                    result = await node.awaited(machine.view(scope), item_of(scope))
                elif node.awaited_with:
                    result = await node.awaited(*arguments(self, worker, scope))
                else:
                    result = await call_function(self, worker, scope)
            except BaseException as error:
                stopping.failed(self, worker, scope, turn, error)
            else:
                machine.now = epoch + clock()
                if worker.pending or type(result) is Handoff or not machine.finish_simply(scope, turn, result):
                    self._finish(worker, scope, turn, result)
                result = None
            worker.scope = None
            if worker.hands is not None:
                worker.hands, worker.pending = None, ()
            if worker.is_stopped:
                stopping.take_back_cancel(worker)
            if len(entries) == 1 and type(entries[0][0]) is tuple and not (timers or stops or observers):
                self.store.append(machine.run_id, (entries[0][0],))
                entries.clear()
            else:
                self.commit()
            if watching is not None:
                watching.leave(worker)
            if over.done():  # the node has swallowed the cancel by which the driver ends: it was the last (S14.2)
                return False
            if copy_context() != clean:
                return True
            if machine.now > breathe_at:  # as of the node's end: one look at the clock a step
                breathe_at = await self._breathe()

    async def _is_safe(self, worker: Worker, scope: Scope, turn: int) -> bool:
        """Commit, then perform: wait until all that led here is safe. False if the cursor has moved on meanwhile."""
        assert self.gate is not None
        try:
            await self.gate.settled()
            if self.is_over:
                raise asyncio.CancelledError
        except BaseException as error:
            stopping.failed(self, worker, scope, turn, error)
        if scope.turn == turn and not worker.is_stopped:
            return True
        worker.scope = None
        if worker.is_stopped:
            stopping.take_back_cancel(worker)
        self.commit()
        return False

    async def _breathe(self) -> float:
        """Let the loop do what else there is; until when to go on then, in seconds since 1970."""
        await asyncio.sleep(0)
        if self.is_over:  # no further node begins, not even before this worker hears of it (S14.2)
            raise asyncio.CancelledError
        self.machine.now = self.epoch + self.clock()
        return self.machine.now + YIELD_AFTER_S

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
        if self.timers.fire_due():  # after a resume, due timers go before the run is found waiting (S10.3)
            return True
        if machine.status == "running":
            if machine.is_exhausted:
                more = machine.wind_up()
                self.commit()
                if more:
                    return True
            elif machine.is_waiting:
                machine.rest()
                self.commit()
            elif machine.idle or self.timers:
                return False  # the watchdog will go on
            else:
                self.crash(Internal(f"Run {machine.run_id} stands still with nothing owed (S6.8)."))
                return False
        with suppress(asyncio.InvalidStateError):  # Ctrl-C may strike at any line of Python, also between these
            over.set_result(None)
        return False

    def _announce(self, worker: Worker, scope: Scope) -> None:
        """An attempt begins: set its timeout, tell the observers."""
        node, machine = scope.node, self.machine
        self.tick()
        if node.timeout_s is not None:
            left_s = node.timeout_s if scope.approvals is None else node.timeout_s - time_used_s(scope)
            self.timers.push(machine.now + left_s, scope, ("timeout", scope.turn))
        if self.observers:
            attempts = 1 if node.retry is None else node.retry.attempts
            agent = node.work.name if node.kind == "agent" else ""
            worker.began = NodeStarted(0, scope.path, node.name, machine.now, scope.attempt, attempts, agent)
            self.tell(worker.began)

    def _finish(self, worker: Worker, scope: Scope, turn: int, result: Any) -> None:
        """A node has returned what is not so simple: with ``ctx.update`` calls, a handoff, or a lasting change."""
        if type(result) is Handoff:
            target = str(getattr(result.target, "name", result.target))  # a handle, an end, or a name
            self.machine.finish(scope, turn, result.update, worker.pending, target, result.data)
        else:
            self.machine.finish_generally(scope, turn, result, worker.pending)
