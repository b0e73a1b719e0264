"""What may start next: ready cursors, branches that have not begun, the line at a node with ``at_once`` (S2.4, S6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphflow.core import changing, slots, spending
from graphflow.core.scopes import EXIT, FORKED, IDLE, PASSING, READY, RUNNING, Scope

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def take(machine: Machine) -> Scope | None:
    """A cursor whose node is to be performed now, marked running; None if there is none to start."""
    if machine.is_exhausted:
        return None
    ready, spent = machine.ready, machine.spent
    while True:
        if ready:
            scope = ready.popleft()
            if scope.status != READY:
                continue
        elif not machine.opening or begin_branch(machine) is None:
            return None
        else:
            continue
        # asked only where the answer may be no: 0.1 us a step
        if (
            scope.attempt == 0
            and (machine.budget is not None or spent.steps >= machine.plan.limits.steps)
            and not spending.may_step(machine, scope)
        ):
            ready.appendleft(scope)
            return None
        if scope.node.at_once is not None and not slots.pass_gate(machine, scope):
            continue
        if scope.attempt == 0:
            spent.steps += 1
        scope.attempt += 1
        scope.status = RUNNING
        machine.running += 1
        return scope


def begin_branch(machine: Machine) -> Scope | None:
    """Begin the next branch of the oldest fork that has a slot; None if there is none."""
    while machine.opening:
        fork = machine.opening[0]
        owner = fork.owner
        if fork.next >= fork.total or fork.active >= fork.at_once or fork.is_closed or owner.status != FORKED:
            machine.opening.popleft()  # it has no room
            continue
        if owner.rests and not slots.rouse(machine, owner):
            machine.opening.popleft()  # it is back once a slot is free
            continue
        scope = fork.begin(machine.now)
        if scope.status == READY:
            machine.ready.append(scope)
        else:
            machine.passing.append(scope)
        if scope.node.timer_edges:
            machine.note({"kind": "began", "at": scope.path}, scope)
            changing.set_timers(machine, scope)
        if scope.status == PASSING:
            machine.settle()
            if machine.is_exhausted:
                return None
        return scope
    return None


def rebuild(machine: Machine) -> None:
    """Derive every queue from the scopes: nothing that is owed is stored beside the run."""
    machine.ready.clear()
    machine.opening.clear()
    machine.passing.clear()
    machine.meeting.clear()
    machine.idle.clear()
    machine.gates.clear()
    machine.running = 0
    scopes = machine.scopes()
    for scope in scopes:
        scope.rests = True  # until something in it becomes ready
        if scope.open is not None:
            scope.open.parked = None
            scope.open.active = 0
            if scope.open.edge is None:
                slots.pass_gate(machine, scope)
    for scope in scopes:
        _requeue(machine, scope)
    for scope in scopes:
        if scope.status == EXIT and machine.status == "running":
            _choose_again(machine, scope)


def _requeue(machine: Machine, scope: Scope) -> None:
    """Put a cursor or open fork back where it belongs."""
    if scope.status == RUNNING:
        scope.status = READY
        scope.turn += 1
        scope.attempt -= 1
    if scope.status == READY and scope.node.kind not in ("function", "agent"):
        scope.status = PASSING
    if scope.status == READY:
        slots.queue(machine, scope)
    elif scope.status == PASSING:
        machine.passing.append(scope)
    elif scope.status in IDLE:
        machine.idle[scope] = None
    elif scope.status == FORKED and scope.open is not None:
        fork = scope.open
        if fork.has_room:
            machine.opening.append(fork)
        machine.meeting.append(fork)


def _choose_again(machine: Machine, scope: Scope) -> None:
    """A cursor at its node's exit chooses again and runs nothing (S3.2)."""
    if scope.node.kind == "fail":
        scope.status = PASSING
        machine.passing.append(scope)
        return
    machine.go_on(scope, {"kind": "chosen", "at": scope.path}, None)
