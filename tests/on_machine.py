"""The machine as an implementation of the semantics: driven by an oracle, in a chosen order, without a clock."""

from __future__ import annotations

from collections.abc import Iterable

from graphflow.core import reading
from graphflow.core.journal import decode, encode
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.reducers import Replace
from graphflow.core.scopes import Scope
from tests.execution import WAITING, Answers, Branch, Call, HandOff, Order, Outcome, Raise, Step, Update


class Driven:
    """A machine with the little that a driver does: perform, commit, let sleepers wake at once."""

    def __init__(self, machine: Machine, answers: Answers) -> None:
        self.machine = machine
        self.answers = answers
        self.running: dict[Scope, Call] = {}
        self.journal: list[bytes] = []
        self.plans: list[Plan] = []  # of the journal's entries: whose schema they follow
        self.scopes: dict[Scope, None] = {}  # every one there ever was

    def drain(self) -> None:
        """Commit what happened and take up what is owed."""
        machine = self.machine
        while True:
            self.journal += [encode(entry, plan) for entry, plan in machine.entries]
            self.plans += [plan for _, plan in machine.entries]
            machine.entries.clear()
            for scope in machine.stops:
                self.running.pop(scope, None)
            machine.stops.clear()
            timers, machine.timers = machine.timers, []
            for _, scope, timer in timers:
                if timer[0] == "retry":
                    machine.fire(scope, timer)
            if not machine.entries and not machine.stops and not machine.timers:
                break
        while (taken := machine.take()) is not None:
            self.running[taken] = call_of(taken)
        if machine.is_exhausted and not self.running and machine.status == "running":
            machine.wind_up()
        if machine.entries or machine.stops:
            self.drain()
        self.scopes |= dict.fromkeys(machine.scopes())

    def resume(self) -> None:
        """Take up a run that was folded from its journal, or has come to rest."""
        self.machine.resume()
        self.machine.timers = self.machine.owed_timers()
        self.drain()

    def calls(self) -> dict[Call, Scope]:
        """Everything that may finish next: running nodes, and questions that have an answer."""
        found = {call: scope for scope, call in self.running.items()}
        found |= {call_of(scope): scope for scope in self.machine.questions()}
        return {call: scope for call, scope in found.items() if self.answers(call) is not WAITING}

    def finish(self, call: Call, scope: Scope) -> None:
        """Hand a call's reply to the machine."""
        reply, machine = self.answers(call), self.machine
        if call.node.kind == "ask":
            machine.answer(call.cursor, *reply.values())
        elif isinstance(reply, Raise):
            machine.fail(scope, scope.turn, reply.error)
        elif isinstance(reply, HandOff):
            machine.finish(scope, scope.turn, reply.update, handoff=reply.target)
        else:
            machine.finish(scope, scope.turn, reply)
        self.running.pop(scope, None)
        self.drain()


def call_of(scope: Scope) -> Call:
    rows = reading.branch_values(scope.branches) if scope.branches is not None else []
    branches = [
        Branch(index, scope.items, status, error, values) for index, (_, status, error, _, values) in enumerate(rows)
    ]
    view = scope.plan.schema.snapshot(scope.read()).__dict__
    return Call(scope.path, scope.node, scope.attempt, dict(view), tuple(scope.items), branches, scope.error)


def on_machine(plan: Plan, state: Update, answers: Answers, order: Order) -> Outcome:
    """Drive the machine to its end, or until only unanswered questions are left."""
    driven = Driven(Machine(plan), answers)
    driven.machine.start(state)
    driven.drain()
    while calls := driven.calls():
        chosen = order(list(calls))
        driven.finish(chosen, calls[chosen])
    return outcome_of(driven)


def outcome_of(driven: Driven) -> Outcome:
    machine = driven.machine
    lost = cancelled(driven)
    journal = zip(driven.journal, driven.plans, strict=True)
    return Outcome(
        "waiting" if machine.is_waiting else machine.status,
        dict(machine.plan.schema.snapshot(machine.root.read()).__dict__),
        [step for step in steps_of(journal) if not step.cursor.startswith(lost)],
        machine.error,
        [scope.path for scope in machine.questions()],
    )


def cancelled(driven: Driven) -> tuple[str, ...]:
    """The branches that came to no end of their own. A failed run keeps some of them for a resume (S14.3)."""
    machine = driven.machine
    live = () if machine.status in ("done", "failed") else machine.scopes()
    alive = {id(scope) for scope in live}
    ended = [scope for scope in driven.scopes if scope.is_branch and id(scope) not in alive]
    return tuple(scope.prefix for scope in ended if scope.status not in ("done", "failed"))


def steps_of(journal: Iterable[tuple[bytes, Plan]]) -> list[Step]:
    """The transitions as the reference states them: of failures only those that led along an error edge."""
    steps: list[Step] = []
    for text, plan in journal:
        entry = decode(text)
        if entry["kind"] in ("finished", "answered", "left"):
            update = plan.schema.revive((entry.get("updates") or [{}])[0])
            replaced = {name[1:]: Replace(change) for name, change in update.items() if name[0] == "="}
            update = {name: change for name, change in update.items() if name[0] != "="} | replaced
            steps.append(Step(entry["at"], update, entry.get("edge")))
        elif entry["kind"] == "failed" and "edge" in entry:
            steps.append(Step(entry["level"], None, entry["edge"]))
    return steps
