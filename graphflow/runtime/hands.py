"""What a node's context can do: recorded effects, updates, streamed text, for one attempt of one cursor (S11)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import to_json

from graphflow.core import spending
from graphflow.core.discretion import around, discreet_text
from graphflow.core.scopes import Recorded, Scope
from graphflow.core.sealing import secret_values
from graphflow.core.usage import Usage
from graphflow.errors import NodeError
from graphflow.graph.context import Effect, Reserve
from graphflow.graph.holding import Held
from graphflow.graph.occurrences import Occurrences
from graphflow.graph.suspending import Suspended, Unanswered, WantedCall
from graphflow.runtime.events import CallWaits
from graphflow.runtime.reservations import Reservations
from graphflow.runtime.watching import Call

if TYPE_CHECKING:
    from graphflow.runtime.driver import Driver


class DriverHands:
    """The ``Hands`` of one attempt."""

    __slots__ = (
        "calls_open",
        "driver",
        "failure",
        "node",
        "occurrences",
        "path",
        "pending",
        "scope",
        "since",
        "turn",
        "unanswered",
        "waited_s",
        "waits_since",
        "why_waiting",
    )

    def __init__(self, driver: Driver, scope: Scope, turn: int) -> None:
        self.driver = driver
        self.scope = scope
        self.turn = turn
        self.path = scope.path  # as it is now: a late call is laid to the node that made it
        self.node = scope.node.name
        self.pending: list[dict[str, Any]] = []
        self.occurrences = Occurrences()
        self.failure: BaseException | None = None  # of the last recorded call
        self.calls_open = 0
        self.since = driver.machine.now
        self.unanswered: tuple[tuple[str, WantedCall], ...] = ()  # calls to be approved first, and their records' keys
        self.waited_s = 0.0  # in which a model call stood in line
        self.waits_since: float | None = None  # while one does
        self.why_waiting = ""

    def update(self, changes: dict[str, Any]) -> None:
        """Add to the pending update of the step (S3.7)."""
        self.pending.append(changes)

    @property
    def is_watched(self) -> bool:
        """Whether anybody observes the run and reads what models write."""
        return any(getattr(observer, "reads_text", True) for observer in self.driver.observers)

    @property
    def held(self) -> Held:
        """What is open for as long as the run is driven."""
        return self.driver.held

    @property
    def caller(self) -> DriverHands:
        """Who makes the model calls: this very attempt."""
        return self

    @property
    def began(self) -> float:
        """When the run began, in seconds since 1970."""
        return self.driver.machine.spent.began

    def waits(self, why: str) -> None:
        """A model call of this attempt stands in line: observers are told, and a timeout will say so."""
        self.driver.tick()
        self.waits_since, self.why_waiting = self.driver.machine.now, why
        if self.scope.turn == self.turn:
            self.driver.tell(CallWaits(0, self.path, self.node, self.driver.machine.now, why))

    def begins(self) -> None:
        """It stood in line and may start, unless the budget's time is over by now: it counts while it waits (S13.1)."""
        self.driver.tick()
        self.waited_s, self.waits_since = self._waited_s(), None
        if not spending.has_time(self.driver.machine):
            raise Suspended

    def told_waits(self) -> str:
        """What a timeout has to say of it: nothing if no call stood in line."""
        waited_s = self._waited_s()
        return f"A call of its model stood in line for {waited_s:.3g} s of it: {self.why_waiting}." if waited_s else ""

    def _waited_s(self) -> float:
        since, now = self.waits_since, self.driver.machine.now
        return self.waited_s + (0.0 if since is None else now - since)

    def emit(self, text: str, *, tool: str = "", call: int = 0, under: str = "") -> None:
        """Streamed text goes to observers on the side (S11.3)."""
        if self.scope.turn == self.turn:
            self.driver.show_text(self.scope, text, tool, call, under)

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        """The record that matches (kind, canonical request, occurrence), else perform, record, return (S11.1)."""
        base, number = self._asked(kind, request)
        key = base if number is None else f"{base} {number}"
        if (record := self._record(key)) is not None:
            return record
        machine = self.driver.machine
        calls, tokens, usd = (0, 0, 0.0) if reserve is None else (reserve.model_calls, reserve.tokens, reserve.usd)
        if calls and spending.is_too_early(machine, calls):
            await self._wait_for_budget(calls)
        if not spending.reserve(machine, calls, tokens, usd):
            raise Suspended
        self.calls_open += 1
        try:
            watching = self.driver.watching
            effect = await (call() if watching is None else watching.call(self._call(kind, request), call))
        except Unanswered as unanswered:
            self.hear_of(unanswered, key)
            raise
        except BaseException as error:
            self.failure = error
            self._forget(base, number)
            usage: Usage | None = getattr(error, "usage", None)
            if usage is not None:  # truncated, filtered, refused: paid for all the same
                self.driver.spend(self.path, self.node, _spent(usage))
            raise
        finally:
            self.calls_open -= 1
            spending.settle(machine, calls, tokens, usd)
            if self.driver.reservations is not None:
                self.driver.reservations.wake()
        said = discreet_text(effect.error, around(self.scope)) if effect.error else ""
        data = Recorded(effect.value, _spent(effect.usage), effect.updates, said)
        text = to_json(data.value)  # a value that JSON cannot hold fails here, in the node, and not in a journal
        if b"***" in text and any(True for _ in secret_values(data.value)):  # pydantic has written asterisks for it
            raise _secret_recorded(kind, request, data.value)
        if not self.driver.record(self.scope, self.turn, key, data) and data.usage:
            self.driver.spend(self.path, self.node, data.usage)
        if (gate := self.driver.gate) is not None and gate.is_behind:
            await gate.settled()  # what was paid for is safe before the node goes on
        return effect

    def _call(self, kind: Literal["model", "tool", "once"], request: Any) -> Call:
        self.driver.tick()
        return Call(self.path, self.node, kind, request, self.driver.machine.now)

    async def _wait_for_budget(self, calls: int) -> None:
        """What is left is reserved by calls under way: wait until they are settled (S13.1)."""
        machine = self.driver.machine
        if self.driver.reservations is None:
            self.driver.reservations = Reservations()
        self.waits("calls under way have reserved what is left of the budget")
        self.calls_open += 1
        try:
            await self.driver.reservations.wait(lambda: spending.is_too_early(machine, calls))
        finally:
            self.calls_open -= 1
        self.begins()

    def hear_of(self, unanswered: Unanswered, key: str) -> None:
        """A call must be approved first: the question is asked once this attempt has come to rest (S10.4)."""
        call = unanswered.news_for(self)
        if call is not None:
            self.unanswered += ((key, call),)

    def suspend(self) -> None:
        """The attempt has come to rest: its cursor waits for the answers, or for a larger budget."""
        machine = self.driver.machine
        if self.unanswered:
            self.driver.tick()
            machine.suspend(self.scope, self.turn, self.unanswered, machine.now - self.since)
        else:
            machine.give_back(self.scope, self.turn)

    def failed_in(self, error: BaseException) -> bool:
        """Whether an attempt's error came out of a recorded call, or struck while one was open."""
        if self.calls_open:
            return True
        seen: BaseException | None = error
        while seen is not None:
            if seen is self.failure:
                return True
            seen = seen.__cause__
        return False

    def _asked(self, kind: str, request: Any) -> tuple[str, int | None]:
        """What a request is recorded under: its digest and occurrence, or its own key alone."""
        if kind == "once":
            return f"once {request}", None
        base = key_of(kind, request)
        return base, self.occurrences.next(base)

    def _record(self, key: str) -> Effect | None:
        record = None if self.scope.effects is None else self.scope.effects.get(key)
        return _effect(record) if record is not None and self.scope.turn == self.turn else None

    def _forget(self, base: str, number: int | None) -> None:
        """A call has failed: the next equal one takes its place."""
        if number is not None:
            self.occurrences.give_back(base, number)


def key_of(kind: str, request: Any) -> str:
    """What a call of a model or tool is recorded under, but for which of several equal ones it is (S11.1).

    >>> key_of("tool", {"tool": "search", "arguments": "{}"})
    'tool 4be04319f43baf4535684ae5'
    """
    canonical = to_json(request, fallback=repr, inf_nan_mode="constants")
    return f"{kind} {hashlib.blake2b(canonical, digest_size=12).hexdigest()}"


def _secret_recorded(kind: str, request: Any, value: Any) -> NodeError:
    of = f"ctx.once({request!r})" if kind == "once" else f"A {kind} call"
    return NodeError(
        f"{of} gave a {type(value).__name__} with a secret in it",
        why="What is recorded stands in the journal as it is, and a secret would come back as asterisks. (S11.1)",
        fix="Keep it in the state: a node of its own returns it, or a tool calls ctx.update(key=...), for a field of type "
        "SecretStr, which is sealed where it is stored. Or make it part of deps=. (S3.8)",
    )


def _spent(usage: Usage) -> dict[str, Any]:
    names = usage.__dataclass_fields__
    return {name: value for name in names if (value := getattr(usage, name)) != 0}


def _effect(record: Recorded) -> Effect:
    return Effect(record.value, updates=tuple(dict(changes) for changes in record.updates))
