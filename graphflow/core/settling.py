"""What the machine moves on by itself, until only a driver can go on: points, starts, questions, sub-graphs, joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphflow.core import answering, failures, guarding, joins, shortcuts, slots, spending, subgraphs
from graphflow.core.scopes import DONE, EXIT, PASSING, Scope
from graphflow.errors import GuardrailTripped, Internal

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def settle(machine: Machine) -> None:
    """Carry on with everything the machine moves by itself, until only a driver can."""
    while True:
        if machine.meeting:
            joins.consider(machine, machine.meeting.pop(0))
        elif machine.passing and not machine.is_exhausted:
            scope = machine.passing.pop(0)
            if scope.status == PASSING:
                _pass_on(machine, scope)
        else:
            break
    root = machine.root
    if root.status == DONE and machine.status == "running":
        if machine.running or machine.idle:
            raise Internal("A cursor was left over when the run ended (S6.8).")
        machine.end("done")


def _pass_on(machine: Machine, scope: Scope) -> None:
    """Points, starts, questions, sub-graphs and FAIL: what needs no driver."""
    kind = scope.node.kind
    if kind == "start":
        machine.finish_node(scope, "finished", [], {})
        return
    if kind == "fail":
        scope.status = EXIT
        failures.stuck(machine, scope, failures.on_purpose(machine, scope))
        return
    if scope.attempt == 0 and not spending.may_step(machine, scope):
        machine.passing.insert(0, scope)
        return
    if kind == "graph" and not slots.pass_gate(machine, scope):
        return
    if scope.attempt == 0:
        machine.spent.steps += 1
    if kind == "point":
        _pass_point(machine, scope)
    elif kind == "ask":
        answering.ask(machine, scope)
    else:
        subgraphs.enter(machine, scope)


def _pass_point(machine: Machine, scope: Scope) -> None:
    if shortcuts.shortcut_of(scope.plan, scope.node).is_guarded:
        try:
            guarding.ask_way(scope, (), {}, None)
        except GuardrailTripped as error:
            scope.attempt = 1
            failures.fail(machine, scope, error)
            return
    machine.finish_node(scope, "finished", [], {})
