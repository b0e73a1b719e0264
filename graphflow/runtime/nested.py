"""A graph called as a tool: a run inside a call, whose effects, costs and limits are those of the run around (S12.2).

It has a machine and a driver of its own, and no journal that outlives it: what it does outside is recorded by the outer
run, under the call (``answer:1/intel:1/scout:1``). A resume or retry of the outer node drives it again over these
records, so nothing is paid for twice (S11.1); its nodes themselves run again, as they may around any crash. Its steps
count as steps of the run, its budget is the run's, and when the outer call is cancelled nothing of it is left (S14.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from graphflow.agents.tools import NEVER_TOLD, ToolHands
from graphflow.core import changing, spending, starting
from graphflow.core.discretion import discreet_text
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.scopes import READY, Recorded, Scope
from graphflow.errors import Internal, Place, ScopeFailed
from graphflow.graph.context import Context, Effect, Hands, Reserve
from graphflow.graph.holding import Held
from graphflow.graph.suspending import Suspended, Unanswered
from graphflow.runtime.driver import Driver
from graphflow.runtime.events import Event, RunEnded, RunStarted
from graphflow.runtime.hands import DriverHands
from graphflow.stores.memory import MemoryStore


async def run_inside(plan: Plan, state: Any, ctx: Context[Any], place: Place) -> dict[str, Any]:
    """Run a plan inside a tool call, from a start state; the values of its end state.

    Raises InputInvalid, ScopeFailed with the cause chained, and what ends the turn of the agent that called.
    """
    assert isinstance(ctx.hands, ToolHands)
    outer: Driver | None = ctx.hands.driver
    machine = NestedMachine(plan, ctx, outer)
    values = machine.check_input(state)
    driver = NestedDriver(machine, ctx, outer)
    try:
        driver.prepare()
        machine.begin(values)
        driver.commit()
        await driver.drive()
    finally:
        ctx.hands.steps += machine.spent.steps
        machine.settle_steps()
    if machine.is_suspended:
        raise Suspended
    if machine.status == "waiting":
        raise Unanswered  # the calls that wait are known to all hands around
    if machine.status == "done":
        return machine.root.read()
    raise _failure(machine, place)


class NestedMachine(Machine):
    """The machine of a run inside a call. Its paths lie under the call, and each of its steps needs the run's leave."""

    __slots__ = ("_at", "_counted", "_run", "is_suspended")

    def __init__(self, plan: Plan, ctx: Context[Any], outer: Driver | None) -> None:
        super().__init__(plan, ctx.run_id)
        self.is_suspended = False  # the budget of the run is used up: this goes on when the outer node does
        self._at = ctx.cursor
        self._counted = 0  # of the steps, those the run knows of
        machine = None if outer is None else outer.machine
        self._run: Machine | None = machine._run if isinstance(machine, NestedMachine) else machine

    def begin(self, values: dict[str, Any]) -> None:
        """Begin from what ``check_input`` gave."""
        changing.begin_run(self, values)
        self.root.prefix = f"{self._at}/"
        self.passing.append(self.root)
        self.settle()

    def take(self) -> Scope | None:
        """A cursor whose node is to be performed now; None as well if the run may not take another step (S13.1)."""
        run = self._run
        if run is None:
            return starting.take(self)
        is_new = next((scope.attempt == 0 for scope in self.ready if scope.status == READY), bool(self.opening))
        if is_new and not self.is_suspended:
            self._count(run)
            run.now = max(run.now, self.now)
            if run.is_exhausted or not spending.may_step(run, self.root):
                self.start_no_more()
        scope = starting.take(self)
        self._count(run)
        return scope

    def _count(self, run: Machine) -> None:
        """What has been begun here is part of what the run has begun."""
        run.spent.under_way += self.spent.steps - self._counted
        self._counted = self.spent.steps

    def start_no_more(self) -> None:
        """The budget of the run is used up: nothing new starts here, and what runs finishes (S13.2)."""
        self.is_suspended = self.is_exhausted = True
        self.is_wrapped = True  # it is not for this graph to wrap up

    def settle_steps(self) -> None:
        """The call is over: its steps are counted with its record."""
        if self._run is not None:
            self._run.spent.under_way -= self._counted


class NestedDriver(Driver):
    """The driver of a run inside a call. What happens is told to the observers of the run around, under the call."""

    def __init__(self, machine: NestedMachine, ctx: Context[Any], outer: Driver | None) -> None:
        store = MemoryStore()
        store.create(machine.run_id, machine.plan)
        super().__init__(machine, store, deps=ctx.deps, model=ctx.model, approve=ctx.approve, observers=[self._pass_on])
        self.nested = machine
        self.outer = outer
        self.outer_hands = ctx.hands
        self.max_depth = min(ctx.max_depth, machine.plan.limits.depth)

    @property
    def can_wait(self) -> bool:
        """Whether the run around can; an agent alone cannot."""
        return self.outer is not None and self.outer.can_wait

    def hands_of(self, scope: Scope) -> DriverHands:
        return NestedHands(self, scope, scope.turn)

    def _pass_on(self, event: Event) -> None:
        """Events are numbered by the run's journal, which does not hold these: they are only shown."""
        if self.outer is not None and self.outer.observers and not isinstance(event, RunStarted | RunEnded):
            self.outer.tell(dataclasses.replace(event, seq=0))


class NestedHands(DriverHands):
    """The hands of a node in a run inside a call: what it asks goes to the outer hands, which reserve, count and record."""

    __slots__ = ("_nested", "_outer")

    def __init__(self, driver: NestedDriver, scope: Scope, turn: int) -> None:
        super().__init__(driver, scope, turn)
        self._nested = driver.nested
        self._outer: Hands = driver.outer_hands

    @property
    def is_watched(self) -> bool:
        return self._outer.is_watched

    @property
    def held(self) -> Held:
        return self._outer.held

    @property
    def began(self) -> float:
        caller = self._outer.caller
        return super().began if caller is None else caller.began

    def begins(self) -> None:
        """A model call stood in line and may start, unless the time of the run's budget is over by now (S13.1)."""
        super().begins()
        if (caller := self._outer.caller) is not None:
            caller.begins()

    async def effect(
        self,
        kind: Literal["model", "tool", "once"],
        request: Any,
        call: Callable[[], Awaitable[Effect]],
        reserve: Reserve | None,
    ) -> Effect:
        """The record of this attempt's visit, else of the run, else performed now; asked under this cursor."""
        base, number = self._asked(kind, request)
        key = base if number is None else f"{base} {number}"
        if (record := self._record(key)) is not None:
            return record
        asked = f"{self.path} {request}" if kind == "once" else {"under": self.path, "asked": request}
        self.calls_open += 1
        try:
            effect = await self._outer.effect(kind, asked, call, reserve)
        except Unanswered as unanswered:
            self.hear_of(unanswered, key)
            raise
        except Suspended:
            self._nested.start_no_more()
            raise
        except BaseException as error:
            self.failure = error
            self._forget(base, number)
            raise
        finally:
            self.calls_open -= 1
        self.driver.record(self.scope, self.turn, key, Recorded(effect.value, {}, effect.updates, effect.error))
        return effect


def _failure(machine: NestedMachine, place: Place) -> Exception:
    """What a run that did not get to its end is to the call: the error itself, where it is no business of a model."""
    error, name = machine.error, machine.plan.name
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NEVER_TOLD):
            return seen
        seen = seen.__cause__
    if error is None and machine.status != "exhausted":
        return Internal(f"Graph {name!r}, called as a tool, came to rest as {machine.status!r} (S12.2).")
    what = getattr(error, "what", None) or (
        f"{type(error).__name__}: {discreet_text(str(error), machine.scopes())}" if error else machine.reason
    )
    failed = ScopeFailed(
        f"Graph {name!r}, called as a tool, failed: {what}",
        cursor=machine.error_at,
        why=getattr(error, "why", ""),
        fix=getattr(error, "fix", ""),
        where=getattr(error, "where", ()) or (place,),
    )
    failed.__cause__ = error
    return failed
