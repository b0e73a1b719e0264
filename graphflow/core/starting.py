"""What may start next: ready cursors, branches that have not begun, the line at a node with ``at_once`` (S2.4, S6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphflow.core import changing, slots, spending
from graphflow.core.scopes import EXIT, FORKED, IDLE, PASSING, READY, RUNNING, Fork, Scope

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
        else:
            begun = _begin(machine) if machine.opening else None
            if begun is None:
                return None
            if begun.status != READY:
                _pass_on(machine, begun)
                if machine.is_exhausted:
                    return None
                continue
            scope = begun  # it need not stand in line: nobody else does
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


def take_next(machine: Machine, fork: Fork) -> Scope:
    """The next branch of a fork in a lane, begun and marked running: what ``take`` gives, where nothing else may start."""
    scope = fork.begin(machine.now)
    machine.spent.steps += 1
    machine.running += 1
    scope.attempt = 1
    scope.status = RUNNING
    return scope


def begin_branch(machine: Machine) -> bool:
    """Begin the next branch of the oldest fork that has a slot, and let it stand in line. False if there is none."""
    scope = _begin(machine)
    if scope is None:
        return False
    if scope.status == READY:
        machine.ready.append(scope)
        return True
    _pass_on(machine, scope)
    return not machine.is_exhausted


def _pass_on(machine: Machine, scope: Scope) -> None:
    """A branch begins at a node that the machine itself moves on from."""
    machine.passing.append(scope)
    machine.settle()


def _begin(machine: Machine) -> Scope | None:
    while machine.opening:
        fork = machine.opening[0]
        owner = fork.owner
        if fork.next >= fork.total or fork.active >= fork.at_once or fork.is_closed or owner.status != FORKED:
            machine.opening.pop(0)  # it has no room
            continue
        if owner.rests and not slots.rouse(machine, owner):
            machine.opening.pop(0)  # it is back once a slot is free
            continue
        scope = fork.begin(machine.now)
        if scope.node.timer_edges:
            machine.note({"kind": "began", "at": scope.path}, scope)
            changing.set_timers(machine, scope)
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
    if scope.status == READY and not scope.node.is_performed:
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
