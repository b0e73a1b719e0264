"""The gate of a limiter: what is known of a provider by one clock, and who stands in line for it.

Everything a gate knows is changed under its lock, by whichever loop or thread is there; a future is completed only in
its own loop. Times are seconds of the clock that all its loops share.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from graphflow.agents.clocks import ahead_s, date
from graphflow.agents.messages import Request
from graphflow.agents.model import expected_tokens
from graphflow.agents.rates import Rate, told
from graphflow.errors import ModelError, ModelTimeout, RateLimited, ServerError

_BUSY = (429, 503, 529)
"""Statuses by which a server says that it has too much to do."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a limiter was made with."""

    first_at_once: int
    least_at_once: int
    most_at_once: int
    longest_pause_s: float


class Slot:
    """The place of one call. ``async with`` waits for it, and gives it back however the call ends."""

    __slots__ = (
        "arrival",
        "began",
        "calls_taken",
        "future",
        "gate",
        "is_begun",
        "loop",
        "number",
        "request",
        "status",
        "tokens",
        "tokens_taken",
    )

    def __init__(self, gate: Gate, loop: AbstractEventLoop, request: Request) -> None:
        self.gate = gate
        self.loop = loop
        self.request = request
        self.began = date() if request.caller is None else request.caller.began
        self.arrival = self.number = 0  # in the order of arriving, and of starting
        self.is_begun = False
        self.future: asyncio.Future[None] | None = None  # only of one that stands in line
        self.status = 0  # of the response
        self.tokens: int | None = None  # estimated, once somebody wants to know
        self.calls_taken = self.tokens_taken = 0  # by all up to this one

    async def __aenter__(self) -> Self:
        why = self.gate.arrive(self)
        if why:
            await self._stand_in_line(why)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.gate.leave(self, error, is_answered=error is None)

    def saw(self, status: int, headers: Mapping[str, str]) -> None:
        """A response begins: its status, and what its headers say of rates."""
        self.gate.hear(self, status, headers)

    async def _stand_in_line(self, why: str) -> None:
        caller, future = self.request.caller, self.future
        assert future is not None
        try:
            if caller is not None:
                caller.waits(why)
            await future
            if caller is not None:
                caller.begins()
        except BaseException as error:
            self.gate.leave(self, error, is_answered=False)
            raise

    def let_in(self) -> None:
        """In its own loop: it may start."""
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    @property
    def is_gone(self) -> bool:
        """Whether it will never start: cancelled, or of a loop that is no more."""
        return self.future is None or self.future.done() or self.loop.is_closed()

    def estimate(self) -> int:
        """About how many tokens the call takes."""
        if self.tokens is None:
            self.tokens = expected_tokens(self.request)
        return self.tokens


class Gate:
    """See the module. ``width`` is how many calls may be under way."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.width = float(bounds.first_at_once)
        self._lock = threading.RLock()  # a coroutine that is collected while it is held leaves by it too
        self._is_steep = True  # the width doubles every round: nobody has complained yet
        self._under_way: dict[AbstractEventLoop, int] = {}
        self._line: list[tuple[float, int, Slot]] = []
        self._gone = 0  # of those in line, who will never start
        self._arrived = self._begun = 0
        self._full_at = 0  # the last call that had begun when the window was full: only its calls say that it may grow
        self._narrowed_at = 0  # the last call that had begun when the width was halved
        self._paused_until = -math.inf
        self._calls, self._tokens = Rate(), Rate()
        self._calls_taken = self._tokens_taken = 0
        self._told_by = 0  # the latest call whose response said something of rates
        self._alarm: TimerHandle | None = None
        self._alarm_loop: AbstractEventLoop | None = None
        self._alarm_due = 0.0

    @property
    def under_way(self) -> int:
        """Calls that have begun and not ended."""
        for loop in [loop for loop in self._under_way if loop.is_closed()]:
            del self._under_way[loop]  # it was thrown away with its calls
        return sum(self._under_way.values())

    @property
    def in_line(self) -> int:
        """Calls that wait to begin."""
        return sum(not slot.is_gone for _, _, slot in self._line)

    # -- what slots do ---------------------------------------------------------------------------------------------

    def arrive(self, slot: Slot) -> str:
        """Begin at once, or stand in line: then it says why."""
        with self._lock:
            self._arrived += 1
            slot.arrival = self._arrived
            now = _now(slot.loop)
            if not self._line:
                why, _ = self._obstacle(slot, now)
                if not why:
                    self._begin(slot, now)
                    return ""
            slot.future = slot.loop.create_future()
            heapq.heappush(self._line, (slot.began, slot.arrival, slot))
            why = self._open(now, slot.loop)
            others = len(self._line) - self._gone - 1
            return "" if slot.is_begun else f"{why}{f'; {others:,} others stand in line' if others > 0 else ''}"

    def hear(self, slot: Slot, status: int, headers: Mapping[str, str]) -> None:
        """A response has begun to come. What an earlier call is told is older than what a later one was."""
        calls, tokens = told(headers, "requests"), told(headers, "tokens")
        with self._lock:
            slot.status = status
            if (calls is None and tokens is None) or slot.number < self._told_by:
                return
            self._told_by = slot.number
            now = _now(slot.loop)
            if calls is not None:
                self._calls.tell(calls, self._calls_taken - slot.calls_taken, now)
            if tokens is not None:
                self._tokens.tell(tokens, self._tokens_taken - slot.tokens_taken, now)
            self._open(now, slot.loop)

    def leave(self, slot: Slot, error: BaseException | None, *, is_answered: bool) -> None:
        """A call has ended, or one in line goes away."""
        with self._lock:
            now = _now(slot.loop)
            if slot.is_begun:
                slot.is_begun = False
                self._end(slot)
                if is_answered and self._narrowed_at < slot.number <= self._full_at:
                    self._widen()
                elif _is_busy(error, slot.status):
                    self._narrow(slot)
                pause_s = error.retry_after_s if isinstance(error, ModelError) else None
                if pause_s is not None:
                    self._paused_until = max(self._paused_until, now + min(pause_s, self.bounds.longest_pause_s))
            elif slot.future is not None:
                slot.future.cancel()
                self._gone += 1
                self._tidy()
            self._open(now, slot.loop)

    # -- inside, under the lock ------------------------------------------------------------------------------------

    def _obstacle(self, slot: Slot, now: float) -> tuple[str, float]:
        """Why a call cannot begin now, and when it can: infinity if that is when another one ends."""
        if now < self._paused_until:
            return f"the provider asked to wait {_seconds(self._paused_until - now)} more", self._paused_until
        under_way = self.under_way
        if under_way >= int(self.width):
            return f"{under_way} calls are under way, as many as the model takes at once now", math.inf
        wait_s = self._calls.wait_s(1, now, is_idle=not under_way)
        if wait_s > 0:
            return f"the provider's rate of requests allows the next one in {_seconds(wait_s)}", now + wait_s
        if self._tokens.is_known:
            wait_s = self._tokens.wait_s(slot.estimate(), now, is_idle=not under_way)
            if wait_s > 0:
                return f"the provider's rate of tokens allows the next one in {_seconds(wait_s)}", now + wait_s
        return "", now

    def _open(self, now: float, here: AbstractEventLoop) -> str:
        """Let in whoever may begin now; why the first one left has to wait."""
        while (first := self._first()) is not None:
            why, due = self._obstacle(first, now)
            if why:
                self._set_alarm(due, first.loop, here)
                return why
            heapq.heappop(self._line)
            self._begin(first, now)
            if first.loop is here:
                first.let_in()
            else:
                try:
                    first.loop.call_soon_threadsafe(first.let_in)
                except RuntimeError:  # its loop has closed just now
                    first.is_begun = False
                    self._end(first)
        self._drop_alarm(here)
        return ""

    def _first(self) -> Slot | None:
        line = self._line
        while line and line[0][2].is_gone:
            heapq.heappop(line)
            self._gone = max(0, self._gone - 1)
        return line[0][2] if line else None

    def _tidy(self) -> None:
        """Who has gone away is taken out once they are the most, so that nobody pays for it more than once."""
        if self._gone > 32 and 2 * self._gone > len(self._line):
            self._line = [entry for entry in self._line if not entry[2].is_gone]
            heapq.heapify(self._line)
            self._gone = 0

    def _begin(self, slot: Slot, now: float) -> None:
        self._begun += 1
        slot.number, slot.is_begun = self._begun, True
        self._under_way[slot.loop] = self._under_way.get(slot.loop, 0) + 1
        if self.under_way >= int(self.width):
            self._full_at = self._begun
        self._calls.take(1, now)
        self._calls_taken += 1
        if self._tokens.is_known:
            self._tokens.take(slot.estimate(), now)
            self._tokens_taken += slot.estimate()
        slot.calls_taken, slot.tokens_taken = self._calls_taken, self._tokens_taken

    def _end(self, slot: Slot) -> None:
        left = self._under_way.get(slot.loop, 0) - 1
        if left > 0:
            self._under_way[slot.loop] = left
        else:
            self._under_way.pop(slot.loop, None)

    def _widen(self) -> None:
        grown = self.width + (1.0 if self._is_steep else 1.0 / self.width)
        self.width = min(float(self.bounds.most_at_once), grown)

    def _narrow(self, slot: Slot) -> None:
        """Halve the width, once for all calls that were under way together."""
        if slot.number > self._narrowed_at:
            self._narrowed_at = self._begun
            self._is_steep = False
            self.width = max(float(self.bounds.least_at_once), self.width / 2)

    def _set_alarm(self, due: float, loop: AbstractEventLoop, here: AbstractEventLoop) -> None:
        """Look again when it is ``due``, in the loop of the first in line."""
        if self._alarm is not None and self._alarm_loop is loop and self._alarm_due == due:
            return
        self._drop_alarm(here)
        if due == math.inf:
            return
        if loop is here:
            self._alarm = here.call_at(due - ahead_s(here), self._ring, here, due)
            self._alarm_loop, self._alarm_due = here, due
        else:
            with suppress(RuntimeError):  # its loop has closed just now: whoever comes next finds it gone
                loop.call_soon_threadsafe(self._ring, loop, -math.inf)

    def _drop_alarm(self, here: AbstractEventLoop) -> None:
        alarm, loop = self._alarm, self._alarm_loop
        self._alarm = self._alarm_loop = None
        if alarm is None or loop is None:
            return
        if loop is here:
            alarm.cancel()
        else:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(alarm.cancel)

    def _ring(self, here: AbstractEventLoop, due: float) -> None:
        with self._lock:
            if self._alarm_loop is here and self._alarm_due == due:
                self._alarm = self._alarm_loop = None
            self._open(max(due, _now(here)), here)


def _now(loop: AbstractEventLoop) -> float:
    return loop.time() + ahead_s(loop)


def _is_busy(error: BaseException | None, status: int) -> bool:
    is_server = isinstance(error, ServerError) and status in _BUSY
    return is_server or isinstance(error, RateLimited | ModelTimeout)


def _seconds(wait_s: float) -> str:
    return f"{wait_s:.3g} s"
