"""What is due when: timeouts of nodes, and the timers that the machine asked for, under one watchdog (S8.1, S10.3).

However many there are, the loop holds a single call, at the earliest due time.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Any

from graphflow.core.scopes import RUNNING, Scope
from graphflow.core.timing import node_timeout
from graphflow.runtime.stopping import stop_worker
from graphflow.runtime.worker import performer

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver


class Timers:
    """The timers of one driver. ``bool(timers)`` says whether any is left."""

    __slots__ = ("_alarm", "_alarm_due", "_count", "_driver", "_heap")

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._heap: list[tuple[float, int, Scope, tuple[Any, ...]]] = []
        self._count = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_due = 0.0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def take_over(self) -> None:
        """Set the timers that the machine left behind."""
        timers = self._driver.machine.timers
        for due, scope, timer in timers:
            self.push(due, scope, timer)
        timers.clear()

    def push(self, due: float, scope: Scope, timer: tuple[Any, ...]) -> None:
        """Set one: ``due`` is in seconds since 1970."""
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, scope, timer))
        self._set_alarm()

    def cancel(self) -> None:
        """The driver ends: nothing fires any more."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _set_alarm(self) -> None:
        driver = self._driver
        if driver.loop is None or not self._heap:
            return
        due = self._heap[0][0]
        if self._alarm is not None:
            if due >= self._alarm_due:
                return
            self._alarm.cancel()
        self._alarm_due = due
        self._alarm = driver.loop.call_at(due - driver.epoch, self._on_alarm)

    def _on_alarm(self) -> None:
        driver = self._driver
        self._alarm = None
        if driver.is_over:
            return
        driver.tick()
        try:
            self.fire_due()
        except BaseException as error:
            driver.crash(error)
            return
        self._set_alarm()
        driver.wake_workers()

    def fire_due(self) -> bool:
        """Fire every timer that is due. False if none was."""
        is_any = False
        while self._heap and self._heap[0][0] <= self._driver.machine.now:
            _, _, scope, timer = heapq.heappop(self._heap)
            self._fire(scope, timer)
            is_any = True
        return is_any

    def _fire(self, scope: Scope, timer: tuple[Any, ...]) -> None:
        machine = self._driver.machine
        if timer[0] == "timeout":
            if scope.turn != timer[1] or scope.status != RUNNING:
                return
            worker = performer(scope)
            in_call = worker is not None and worker.hands is not None and worker.hands.calls_open > 0
            error = node_timeout(scope)
            if worker is not None and worker.hands is not None:
                error.why = f"{error.why}\n{worker.hands.told_waits()}".strip()
            machine.fail(scope, timer[1], error, in_call)
            stop_worker(worker)
        else:
            machine.fire(scope, timer)
        self._driver.commit()
