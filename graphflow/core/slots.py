"""Who may run at once (S6.9): the slots of a fork's branches, and the line at a node.

A branch holds a slot of its fork while anything in it may run. When all its cursors sleep or wait it **rests**: it
gives its slot back, and what is around it rests too if it has nothing else to do. A cursor that becomes ready again
needs a slot in every resting branch around it, taken from the outside in; where there is none it is parked, until one
is free. So whatever does not rest stands in nothing that rests.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from graphflow.core.scopes import FORKED, PASSING, READY, Fork, Scope

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def queue(machine: Machine, scope: Scope) -> None:
    """The cursor is ready: a driver may take it, as soon as the branches around it have their slots."""
    if not scope.rests or rouse(machine, scope):
        machine.ready.append(scope)


def rouse(machine: Machine, scope: Scope) -> bool:
    """Give every resting branch around the cursor a slot. False: one has none, and the cursor is parked there."""
    resting: list[Scope] = []
    around: Scope | None = scope
    while around is not None and around.rests:
        resting.append(around)
        around = around.parent
    for branch in reversed(resting):
        fork = branch.fork
        if fork is not None:
            if fork.edge is not None and fork.active >= fork.at_once:
                if fork.parked is None:
                    fork.parked = {}
                fork.parked.setdefault(branch, []).append(scope)
                return False
            fork.active += 1
        branch.rests = False
    return True


def rest(machine: Machine, scope: Scope) -> None:
    """All there is in the scope sleeps or waits: it holds no slot meanwhile."""
    if scope.rests:
        return
    scope.rests = True
    if scope.fork is not None:
        free_slot(machine, scope.fork)
        rest_around(machine, scope.fork)


def rest_around(machine: Machine, fork: Fork) -> None:
    """The owner of an open fork rests if none of the branches can run, and none is left to begin."""
    if not fork.active and fork.next == fork.total and not fork.is_closed:
        rest(machine, fork.owner)


def free_slot(machine: Machine, fork: Fork) -> None:
    """A branch has settled or rests: its slot is for one that is parked, else for the next to begin."""
    fork.active -= 1
    while fork.parked and fork.active < fork.at_once:
        for scope in fork.parked.pop(next(iter(fork.parked))):
            if scope.status == READY:
                queue(machine, scope)
            elif scope.status == FORKED and scope.open is not None:
                machine.opening.append(scope.open)
    if fork.next < fork.total and not fork.is_closed and (not machine.opening or machine.opening[-1] is not fork):
        machine.opening.append(fork)


def pass_gate(machine: Machine, scope: Scope) -> bool:
    """at_once on a node bounds its running visits; False: the cursor stands in line."""
    most = scope.node.at_once
    if most is None:
        return True
    running, line = machine.gates.setdefault((id(scope.plan), scope.node.index), ([0], deque()))
    if running[0] >= most:
        line.append(scope)
        return False
    running[0] += 1
    return True


def leave_gate(machine: Machine, scope: Scope) -> None:
    """A running visit is over: the next one in line may start."""
    gate = machine.gates.get((id(scope.plan), scope.node.index))
    if gate is not None:
        gate[0][0] -= 1
        leave_line(machine, scope)


def leave_line(machine: Machine, scope: Scope) -> None:
    """A cursor that stood in line, or had just been called from there, will not come: the next one may."""
    node = scope.node
    gate = machine.gates.get((id(scope.plan), node.index))
    if gate is None or node.at_once is None:
        return
    running, line = gate
    while line and running[0] < node.at_once:
        waiting = line.popleft()
        if waiting is scope or waiting.node is not node:
            continue
        if waiting.status == READY:
            machine.ready.append(waiting)
            return
        if waiting.status == PASSING:
            machine.passing.append(waiting)
            return
