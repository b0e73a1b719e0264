"""The machine: one run as a synchronous state machine. The only place where a run changes.

Its methods are the things that can happen. Each is one synchronous block, takes plain data, and leaves behind plain
data: journal entries to commit (``entries``) and what a driver now owes: ``take()`` gives cursors whose node is to
be performed, ``timers`` new due times, ``stops`` cursors whose work is to be cancelled, ``questions()`` what is open.

    machine = Machine(plan, "r-1")
    machine.start({"topic": "owls"})
    while (cursor := machine.take()) is not None:          # a Scope; its node is to be performed
        turn = cursor.turn
        result = perform(cursor.node, machine.view(cursor))
        machine.finish(cursor, turn, result)               # or machine.fail(cursor, turn, error)

A late, duplicate or unknown event changes nothing (S15.5): every move raises the cursor's ``turn``. The machine reads
no clock; a driver sets ``now`` before each event (S15.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphflow.core import (
    answering,
    changing,
    deciding,
    ending,
    failures,
    guarding,
    handing_off,
    inputs,
    joins,
    restarting,
    settling,
    shortcuts,
    slots,
    spending,
    starting,
    stepping,
    suspending,
    timing,
    weighing,
)
from graphflow.core.journal import Brief, Entry
from graphflow.core.plan import Node, Plan
from graphflow.core.scopes import (
    ENDED,
    READY,
    RUNNING,
    WAITING,
    Fork,
    Recorded,
    Scope,
)
from graphflow.core.usage import Budget, Usage
from graphflow.core.view import freeze

FORMAT = 1
"""The version of journal entries, in the first entry of every journal."""


class Machine:
    """One run of a plan. See the module's docstring for how it is driven."""

    __slots__ = (
        "answers",
        "bound",
        "budget",
        "entries",
        "error",
        "error_at",
        "gates",
        "heed",
        "idle",
        "is_exhausted",
        "is_wrapped",
        "meeting",
        "now",
        "opening",
        "passing",
        "plan",
        "ready",
        "reason",
        "root",
        "run_id",
        "running",
        "seq",
        "spent",
        "status",
        "stops",
        "timers",
        "usage_by_node",
        "weight",
    )

    def __init__(self, plan: Plan, run_id: str = "run", budget: Budget | None = None) -> None:
        self.plan = plan
        self.run_id = run_id
        self.budget = budget
        self.now = 0.0
        self.seq = 0
        self.status = "running"
        self.error: Exception | None = None
        self.error_at = ""
        self.root: Scope = Scope(plan, plan.nodes[0], {})
        self.entries: list[tuple[Entry | Brief, Plan]] = []  # to commit, with the plan whose schema they follow
        self.timers: list[tuple[float, Scope, tuple[Any, ...]]] = []
        self.stops: list[Scope] = []
        self.ready: deque[Scope] = deque()
        self.opening: list[Fork] = []  # forks with branches that have not begun
        self.passing: list[Scope] = []  # the three are short, and a deque takes 600 B
        self.meeting: list[Fork] = []
        self.idle: dict[Scope, None] = {}  # sleeping or waiting cursors, in the order they came to rest
        self.running = 0
        self.answers: dict[str, Any] = {}  # early answers, by question id or node name
        self.gates: dict[tuple[int, int], tuple[list[int], deque[Scope]]] = {}
        self.spent = spending.Spent()
        self.usage_by_node: dict[str, Usage] = {}
        self.is_exhausted = False
        self.bound = ""  # what is used up, by its name in Budget, and in words: of an exhausted run
        self.reason = ""
        self.is_wrapped = False
        self.weight = 0  # bytes of large values written, an upper bound (S17)
        self.heed: Callable[[Node, list[str]], None] | None = None  # who is told what a node altered in vain

    # -- events ----------------------------------------------------------------------------------------------------

    def check_input(self, state: Any) -> dict[str, Any]:
        """The validated values of a start state (an instance or a mapping). Raises InputInvalid; nothing changes."""
        return inputs.checked(self.plan, state)

    def start(self, state: Any) -> None:
        """Begin the run from a state (an instance or a mapping). Raises InputInvalid; then nothing has started."""
        self.start_with(self.check_input(state))

    def start_with(self, values: dict[str, Any]) -> None:
        """Begin the run from what ``check_input`` gave; the values are the run's own from now on."""
        data = self.plan.schema.dump_state(values)
        entry: dict[str, Any] = {
            "kind": "started",
            "format": FORMAT,
            "run": self.run_id,
            "graph": self.plan.name,
            "fingerprint": self.plan.fingerprint,
            "state": data,
        }
        if self.budget is not None:
            entry["budget"] = self.budget.as_json()
        self.note(entry, None)
        self.weight = sum(map(weighing.size_if_large, values.values()))
        changing.begin_run(self, values)
        self.passing.append(self.root)
        self.settle()

    take = starting.take

    def finish(
        self,
        scope: Scope,
        turn: int,
        result: Any,
        pending: Sequence[Mapping[str, Any]] = (),
        handoff: str | None = None,
        data: Any = None,
    ) -> bool:
        """A node has returned. ``pending`` are its ``ctx.update`` calls, ``handoff`` the target it chose.

        An invalid update is a failed attempt (S3.3). False if the result is too late and changed nothing.
        """
        is_simple = handoff is None and not pending
        if is_simple and self.finish_simply(scope, turn, result):
            return True
        return self.finish_generally(scope, turn, result, pending, handoff, data)

    finish_simply = shortcuts.finish

    def finish_generally(
        self,
        scope: Scope,
        turn: int,
        result: Any,
        pending: Sequence[Mapping[str, Any]] = (),
        handoff: str | None = None,
        data: Any = None,
    ) -> bool:
        """What ``finish`` does with what ``finish_simply`` has declined."""
        if scope.turn != turn or scope.status != RUNNING:
            return False
        try:
            edge, carried = None, None
            if handoff is not None:
                edge, carried = handing_off.choice_of(scope, handoff, data)
            elif scope.node.handoffs and (missing := handing_off.missing(scope)):
                raise missing
            updates = deciding.updates_of(scope, result, pending, carried)
            altered = deciding.trial(scope, updates) if updates else {}
            if edge is not None:
                handing_off.recheck(scope, edge, updates)
            if shortcuts.shortcut_of(scope.plan, scope.node).is_guarded:
                guarding.ask_way(scope, updates, altered, edge)
            if scope.writes_to is not None and (bad := joins.shared_conflict(scope, updates)):
                raise bad
            weighing.weigh(self, scope, updates)
        except Exception as error:  # NodeErrors, and whatever a user's validator or function of the result raises
            return self.fail(scope, turn, deciding.located(error, scope))
        self.finish_node(scope, "finished", updates, altered, edge)
        self.settle()
        return True

    def fail(self, scope: Scope, turn: int, error: Exception, in_call: bool = False) -> bool:
        """A node has failed an attempt (S8.1). ``in_call``: what failed was a recorded call (S11.1)."""
        if scope.turn != turn or scope.status != RUNNING:
            return False
        self._lay_down(scope)
        failures.fail(self, scope, deciding.located(error, scope), in_call)
        self.settle()
        return True

    def give_back(self, scope: Scope, turn: int) -> bool:
        """A driver stops, or the budget is used up in the middle: the cursor is ready again, nothing has happened."""
        if scope.turn != turn or scope.status != RUNNING:
            return False
        self._lay_down(scope)
        scope.attempt -= 1
        if scope.attempt == 0:
            self.spent.steps -= 1
        self.ready.append(scope)
        return True

    def suspend(
        self, scope: Scope, turn: int, wanted: Sequence[tuple[str, suspending.WantedCall]], used_s: float = 0.0
    ) -> bool:
        """A node cannot go on before calls of tools are approved: its cursor waits, with a question for each (S10.4)."""
        return suspending.suspend(self, scope, turn, wanted, used_s)

    def record(self, scope: Scope, turn: int, key: str, effect: Recorded) -> bool:
        """An effect has returned: it is part of the run from now on (S11.1). False if it is too late for that."""
        if scope.turn != turn or scope.status != RUNNING:
            return False
        self.count_usage(scope.node.name, Usage(**effect.usage))
        entry: dict[str, Any] = {"kind": "effect", "at": scope.path, "key": key, "value": effect.value}
        if effect.usage:
            entry["usage"] = effect.usage
        if effect.updates:
            entry["updates"] = list(effect.updates)
        if effect.error:
            entry["error"] = effect.error
        self.note(entry, scope)
        if scope.effects is None:
            scope.effects = {}
        scope.effects[key] = effect
        return True

    def spend(self, path: str, node: str, usage: Mapping[str, Any]) -> None:
        """A call that was paid for, but whose answer is of no use: it failed, or came too late (S13.1)."""
        self.count_usage(node, Usage(**usage))
        self.note({"kind": "spent", "at": path, "node": node, "usage": dict(usage)}, None)

    def fire(self, scope: Scope, timer: tuple[Any, ...]) -> bool:
        """A timer is due (S8.1, S10.3, S6.6). One whose cursor has moved on changes nothing."""
        return timing.fire(self, scope, timer)

    def answer(self, target: str, value: Any) -> None:
        """An answer from outside: ``target`` is a question's id, or a node's name if one is open there (S10.1).

        Early ones are kept. Raises AnswerInvalid for an invalid, unknown, late or second one; nothing changes then.
        """
        answering.answer(self, target, value)

    cancel = ending.cancel
    rest = ending.rest
    ask_elsewhere = suspending.ask_elsewhere
    resume = restarting.resume
    adopt = restarting.adopt
    rerun = restarting.rerun

    # -- what drivers ask ------------------------------------------------------------------------------------------

    def view(self, scope: Scope) -> Any:
        """A fresh view of the cursor's state, restricted to what its node declared (S3.5)."""
        shortcut: shortcuts.Shortcut = scope.node.memo or shortcuts.shortcut_of(scope.plan, scope.node)
        is_current = scope.writes_to is None and not scope.log  # what ``read`` finds out, 0.1 us sooner
        view = shortcut.make_view(scope.values if is_current else scope.read())
        if shortcut.has_copies:
            if scope.writes_to is not None:
                freeze(view)  # siblings write to the same state while this one runs (S6.10)
            elif not scope.is_borrowing or self.heed is not None:  # what is lent does not change
                scope.view = view
        return view

    def questions(self) -> list[Scope]:
        """The cursors that wait for answers, in the order they asked; ``answering.open_questions`` tells of what."""
        return [scope for scope in self.idle if scope.status == WAITING]

    def owed_timers(self) -> list[tuple[float, Scope, tuple[Any, ...]]]:
        """Every timer a driver owes, derived from the run alone; for a resume."""
        return timing.owed(self)

    def scopes(self) -> list[Scope]:
        """All live scopes that have begun, parents before children, in branch order."""
        found: list[Scope] = []
        stack = [self.root]
        while stack:
            scope = stack.pop()
            if scope.status in ENDED:
                continue
            found.append(scope)
            if scope.open is not None:
                stack.extend(child for child in reversed(scope.open.children[: scope.open.next]) if child is not None)
        return found

    def find(self, path: str) -> Scope | None:
        """The live scope whose cursor or scope path is ``path``, e.g. ``plan:1[3]/search:2`` or ``plan:1[3]``."""
        for scope in self.scopes():
            if scope.path == path or scope.prefix.removesuffix("/") == path:
                return scope
        return None

    def begin_all(self) -> None:
        """Begin every branch that has a slot, so that ``ready`` holds all that may start; for explorers."""
        while self.opening and starting.begin_branch(self):
            pass

    @property
    def is_idle(self) -> bool:
        """Nothing runs and nothing can start: only timers and questions, if anything, are left."""
        return not self.running and not self.ready and not any(fork.has_room for fork in self.opening)

    @property
    def is_waiting(self) -> bool:
        """When only questions and their timers are left, the run is waiting (S10.2)."""
        return (
            self.is_idle
            and bool(self.idle)
            and all(scope.status == WAITING for scope in self.idle)
            and not any(scope.open is not None and scope.open.due is not None for scope in self.scopes())
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    def note(self, entry: dict[str, Any], scope: Scope | None) -> None:
        """Add an entry to the journal's outbox."""
        self.seq += 1
        entry["seq"] = self.seq
        entry["t"] = self.now
        self.entries.append((entry, self.plan if scope is None else scope.plan))

    settle = settling.settle
    finish_node = stepping.finish_node
    go_on = stepping.go_on
    release_view = stepping.release_view
    become = restarting.become
    cancel_above = ending.cancel_above
    fail_run = ending.fail_run
    end = ending.end

    def plans(self) -> list[Plan]:
        """The plan and those of all sub-graphs under it."""
        found = [self.plan]
        for plan in found:
            for node in plan.nodes:
                if node.graph is not None and node.graph.plan() not in found:
                    found.append(node.graph.plan())
        return found

    def _lay_down(self, scope: Scope) -> None:
        self.release_view(scope)
        self.running -= 1
        scope.turn += 1
        scope.status = READY
        if scope.node.at_once is not None:
            slots.leave_gate(self, scope)

    def count_usage(self, node: str, usage: Usage) -> None:
        """Add what a call cost to the run and to its node."""
        self.spent.usage = self.spent.usage + usage
        self.spent.steps += usage.steps  # of a graph that was called as a tool
        earlier = self.usage_by_node.get(node)
        self.usage_by_node[node] = usage if earlier is None else earlier + usage

    def wind_up(self) -> bool:
        """Nothing runs any more and the budget is used up: wrap up (True: there is more to do) or end (S13.2)."""
        return spending.wind_up(self)
