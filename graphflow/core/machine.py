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

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from graphflow.core import (
    answering,
    changing,
    deciding,
    failures,
    handing_off,
    inputs,
    joins,
    migrating,
    shortcuts,
    slots,
    spending,
    starting,
    subgraphs,
    timing,
)
from graphflow.core.journal import Brief, Entry
from graphflow.core.plan import Edge, Plan
from graphflow.core.reducers import Replace
from graphflow.core.remembered import describe
from graphflow.core.schema import Update
from graphflow.core.scopes import (
    CANCELLED,
    DONE,
    ENDED,
    EXIT,
    PASSING,
    READY,
    RUNNING,
    WAITING,
    Fork,
    Recorded,
    Scope,
)
from graphflow.core.usage import Budget, Usage
from graphflow.core.view import freeze
from graphflow.errors import (
    Cancelled,
    Internal,
    RunError,
)

FORMAT = 1
"""The version of journal entries, in the first entry of every journal."""


class Machine:
    """One run of a plan. See the module's docstring for how it is driven."""

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
        self.opening: deque[Fork] = deque()  # forks with branches that have not begun
        self.passing: deque[Scope] = deque()
        self.meeting: deque[Fork] = deque()
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

    # -- events ----------------------------------------------------------------------------------------------------

    def check_input(self, state: Any) -> dict[str, Any]:
        """The validated values of a start state (an instance or a mapping). Raises InputInvalid; nothing changes."""
        return inputs.checked(self.plan, state)

    def start(self, state: Any) -> None:
        """Begin the run from a state (an instance or a mapping). Raises InputInvalid; then nothing has started."""
        schema = self.plan.schema
        values = self.check_input(state)
        data = schema.dump_state(values)
        self.note(
            {
                "kind": "started",
                "format": FORMAT,
                "run": self.run_id,
                "graph": self.plan.name,
                "fingerprint": self.plan.fingerprint,
                "state": data,
            },
            None,
        )
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
            if scope.home is not scope and (bad := joins.shared_conflict(scope, updates)):
                raise bad
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

    def cancel(self, path: str | None = None) -> bool:
        """End the run, or one scope of it (S14.2). False if there is no such live scope."""
        if self.status in ("done", "failed", "cancelled"):
            return False
        scope = self.root if path is None else self.find(path)
        if scope is None or scope.status in ENDED:
            return False
        self.note({"kind": "cancelled", "at": path or ""}, scope)
        self.cancel_above(scope)
        self.settle()
        return True

    def cancel_above(self, scope: Scope) -> None:
        """Cancel the branch around a scope, or the run if there is none: a sub-graph has no other way on."""
        while not scope.is_branch and scope.parent is not None:
            scope = scope.parent
        changing.cancel_scope(self, scope)
        if scope.parent is None:
            self.error = Cancelled("The run was cancelled", why="Somebody called cancel. (S14.2)")
            self.end("cancelled")
            return
        changing.end_branch(self, scope, CANCELLED)

    def resume(self, budget: Budget | None = None) -> None:
        """Make a stopped, failed, waiting or exhausted run live again (S14.3); ``budget`` replaces the old one."""
        if self.status in ("done", "cancelled"):
            raise RunError(
                f"The run is {self.status} and cannot be resumed",
                why="Only a stopped, waiting, failed or exhausted run goes on. (S14.3)",
                fix="Start a new run, or rerun this one from an earlier seq.",
            )
        is_new = self.status == "failed"
        if budget is not None:
            self.budget = budget
        self.note({"kind": "resumed", "from": self.status}, None)
        self.status = "running"
        self.error = None
        self.is_exhausted = False
        self.bound = self.reason = ""
        failures.pick_up(self, self.root, is_new)
        starting.rebuild(self)
        self.settle()

    def adopt(self, plan: Plan) -> None:
        """Go on with an equal plan compiled anew: its functions are the ones to call."""
        if plan is not self.plan:
            migrating.move(self, plan, None)

    def rerun(self, run_id: str, scope_path: str, changes: Mapping[str, Any]) -> None:
        """Become a new run that goes on from here, with the state of a scope edited (S15.3). Raises UpdateInvalid."""
        scope = self.find(scope_path) if scope_path else self.root
        if scope is None:
            raise RunError(
                f"The run has no live scope {scope_path!r} here",
                why="Only the state of a scope that is live at that entry can be edited. (S15.3)",
                fix=f"Live are: {', '.join(s.path for s in self.scopes())}.",
            )
        updates = scope.plan.schema.update({name: Replace(value) for name, value in changes.items()})
        altered = deciding.trial(scope, [updates])
        entry: dict[str, Any] = {"kind": "rerun", "at": scope_path, "of": self.run_id, "run": run_id}
        entry["updates"] = [updates]
        if altered:
            entry["altered"] = altered
        self.note(entry, scope)
        self.become(run_id, scope, updates, altered)

    def become(self, run_id: str, scope: Scope, updates: Update, altered: dict[str, Any]) -> None:
        """What a rerun changes, live and in replay."""
        self.run_id = run_id
        if scope.open is not None and scope.home is scope and not scope.is_borrowing and not scope.is_shared:
            scope.values = scope.read().copy()  # branches go on seeing the state at the fork (S6.3)
        scope.fold(updates)
        if altered:
            scope.overwrite(altered)

    # -- what drivers ask ------------------------------------------------------------------------------------------

    def view(self, scope: Scope) -> Any:
        """A fresh view of the cursor's state, restricted to what its node declared (S3.5)."""
        shortcut: shortcuts.Shortcut = scope.node.memo or shortcuts.shortcut_of(scope.plan, scope.node)
        is_current = scope.home is scope and not scope.log  # what ``read`` finds out, 0.1 us sooner
        view = shortcut.make_view(scope.values if is_current else scope.read())
        if shortcut.has_copies:
            if scope.home is not scope:
                freeze(view)  # siblings write to the same state while this one runs (S6.10)
            else:
                scope.view = view
        return view

    def questions(self) -> list[Scope]:
        """The cursors whose question is open, in the order they were asked."""
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
        while self.opening and starting.begin_branch(self) is not None:
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

    def finish_node(
        self,
        scope: Scope,
        kind: str,
        updates: list[Update],
        altered: dict[str, Any],
        edge: Edge | None = None,
        journal_updates: bool = True,
    ) -> None:
        """Fold, choose, journal, move: only choosing may raise after the fold (S3.2)."""
        self.release_view(scope)
        entry: dict[str, Any] = {"kind": kind, "at": scope.path}
        changing.leave_node(self, scope)
        if scope.open is not None:
            changing.close_fork(self, scope.open)
        for changes in updates:
            scope.fold(changes)
        if scope.home is not scope:
            joins.note_writers(scope, updates)
        if updates and journal_updates:
            entry["updates"] = updates
        if altered:
            entry["altered"] = altered
            scope.overwrite(altered)
        self.go_on(scope, entry, edge)

    def go_on(self, scope: Scope, entry: dict[str, Any], edge: Edge | None) -> None:
        """Choose the edge, journal the step, move the cursor."""
        if edge is None:
            try:
                choice = deciding.choose(scope)
            except RunError as error:
                scope.status = EXIT
                self.note(entry, scope)
                failures.stuck(self, scope, error)
                return
        else:
            choice = deciding.Choice(edge)
            entry["handoff"] = True
        taken = choice.edge
        entry["edge"] = taken.index
        if taken.kind == "map":
            entry["items"] = choice.items
        elif taken.kind == "fork" and len(choice.starts) != len(taken.targets):
            entry["starts"] = choice.starts
        self.note(entry, scope)
        changing.take_edge(self, scope, taken, choice.starts, choice.items)

    def release_view(self, scope: Scope) -> None:
        """A view somebody still holds must not see what comes next."""
        view = scope.view
        if view is not None:
            scope.view = None
            if sys.getrefcount(view) > _ALONE:
                freeze(view)

    def settle(self) -> None:
        """Carry on with everything the machine moves by itself, until only a driver can."""
        while True:
            if self.meeting:
                joins.consider(self, self.meeting.popleft())
            elif self.passing and not self.is_exhausted:
                scope = self.passing.popleft()
                if scope.status == PASSING:
                    self._pass_on(scope)
            else:
                break
        root = self.root
        if root.status == DONE and self.status == "running":
            if self.running or self.idle:
                raise Internal("A cursor was left over when the run ended (S6.8).")
            self.end("done")

    def _pass_on(self, scope: Scope) -> None:
        """Points, starts, questions, sub-graphs and FAIL: what needs no driver."""
        kind = scope.node.kind
        if kind == "start":
            self.finish_node(scope, "finished", [], {})
            return
        if kind == "fail":
            scope.status = EXIT
            failures.stuck(self, scope, failures.on_purpose(self, scope))
            return
        if scope.attempt == 0 and not spending.may_step(self, scope):
            self.passing.appendleft(scope)
            return
        if kind == "graph" and not slots.pass_gate(self, scope):
            return
        if scope.attempt == 0:
            self.spent.steps += 1
        if kind == "point":
            self.finish_node(scope, "finished", [], {})
        elif kind == "ask":
            answering.ask(self, scope)
        else:
            subgraphs.enter(self, scope)

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
        self.usage_by_node[node] = self.usage_by_node.get(node, Usage()) + usage

    def fail_run(self, origin: Scope, error: Exception) -> None:
        """Nothing settled the error: the run has failed; every cursor stays where it is (S8.3, S14.3)."""
        self.error = error
        self.error_at = origin.path
        changing.hold(self, self.root)
        self.end("failed")

    def end(self, status: str) -> None:
        """The run has come to an end, for good or until it is resumed."""
        self.status = status
        entry: dict[str, Any] = {"kind": "ended", "status": status}
        if status == "exhausted":
            entry.update(why=self.reason, bound=self.bound)
        else:
            self.bound = self.reason = ""
        if self.error is not None:
            entry["error"] = describe(self.error)
            if self.error_at:
                entry["at"] = self.error_at
        self.note(entry, None)
        if status != "exhausted":  # then nothing starts, and what runs has finished
            self.ready.clear()
            self.opening.clear()
        self.passing.clear()
        self.meeting.clear()

    def wind_up(self) -> bool:
        """Nothing runs any more and the budget is used up: wrap up (True: there is more to do) or end (S13.2)."""
        return spending.wind_up(self)


def _references() -> int:
    class Holder:
        view: Any = None

    scope = Holder()
    scope.view = object()
    view = scope.view
    scope.view = None
    return sys.getrefcount(view)


_ALONE = _references()
"""What getrefcount says of a view that nobody but ``release_view`` holds; measured, as it differs by Python version."""
