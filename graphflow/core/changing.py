"""What a step does to a run: the part that live runs and replays share (S15.2).

Everything here is given what was decided; nothing here validates, asks a guard, or calls the user's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphflow.core import slots
from graphflow.core.plan import START_INDEX, Edge, Node
from graphflow.core.schema import Update
from graphflow.core.scopes import (
    CANCELLED,
    DONE,
    ENDED,
    EXIT,
    FAILED,
    FORKED,
    HELD,
    IDLE,
    PASSING,
    READY,
    RUNNING,
    SLEEPING,
    WAITING,
    Fork,
    Scope,
)

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def begin_run(machine: Machine, values: dict[str, Any]) -> None:
    """The root scope, with its cursor at START."""
    plan = machine.plan
    machine.root = Scope(plan, plan.nodes[START_INDEX], values, status=PASSING, visit=1)
    machine.spent.began = machine.now


def leave_node(machine: Machine, scope: Scope) -> None:
    """The cursor is no longer at work: its slot at the node is free, its turn is over."""
    scope.turn += 1
    status = scope.status
    if status == RUNNING:
        machine.running -= 1
        if scope.node.at_once is not None:
            slots.leave_gate(machine, scope)
    elif status in IDLE:
        machine.idle.pop(scope, None)
    elif scope.node.at_once is not None and scope.open is None:
        slots.leave_line(machine, scope)
    if scope.effects is not None:
        scope.effects = None
    if scope.branches is not None:
        scope.branches = None
    scope.error = None


def take_edge(
    machine: Machine, scope: Scope, edge: Edge, starts: Sequence[int] = (), items: Sequence[Any] | None = None
) -> None:
    """Move the cursor along an edge. A move stops at a join, which is a transition of its own."""
    if edge.is_limited:
        scope.count_taking(edge)
    if edge.kind == "fork" or edge.kind == "map":
        open_fork(machine, scope, edge, starts, items)
        return
    reach(machine, scope, edge.targets[0])


def reach(machine: Machine, scope: Scope, target: int) -> None:
    """The cursor reaches a node, the end of its scope, or the join that its branch leads to."""
    if target == scope.join:
        end_branch(machine, scope, DONE)
        return
    node = scope.plan.nodes[target]
    if node.kind == "end":
        scope.node = node
        end_scope(machine, scope)
        return
    scope.arrive(node, machine.now)
    if scope.status == READY:
        slots.queue(machine, scope)
    else:
        machine.passing.append(scope)
    if node.timer_edges:
        set_timers(machine, scope)


def set_timers(machine: Machine, scope: Scope) -> None:
    """S10.3: a timer edge is due so long after the cursor arrived, over all attempts."""
    for edge in scope.node.timer_edges:
        assert edge.after_s is not None
        machine.timers.append((scope.since + edge.after_s, scope, ("edge", scope.visit, edge.index)))


def open_fork(machine: Machine, scope: Scope, edge: Edge, starts: Sequence[int], items: Sequence[Any] | None) -> None:
    """One taking of a fork or map. Its branches begin as slots are free; without any it goes straight on (S6.1)."""
    fork = Fork(edge, scope, starts, items, edge.at_once or scope.plan.limits.at_once)
    scope.open = fork
    scope.status = FORKED
    within = edge.need.within_s
    if within is not None:
        fork.due = machine.now + within
        machine.timers.append((fork.due, scope, ("fork", scope.visit, edge.index)))
    if fork.total:
        machine.opening.append(fork)
    if fork.total < max(1, edge.need.count):  # it fires at once, or its need is out of reach from the start (S6.6)
        machine.meeting.append(fork)


def enter_graph(machine: Machine, scope: Scope, values: dict[str, Any] | None) -> None:
    """Open a sub-graph: a fork of one, with its cursor at the inner START (S12.1). None: it shares the state's class."""
    sub = scope.node.graph
    assert sub is not None
    plan = sub.plan()
    fork = Fork(None, scope, (0,), None, 1)
    again = "" if scope.attempt <= 1 else f"~{scope.attempt}"  # a cursor never recurs in a run (S2.2)
    child = Scope(
        plan,
        plan.nodes[START_INDEX],
        fork.values if values is None else values,
        f"{scope.path}{again}/",
        parent=scope,
        fork=fork,
        index=0,
        items=scope.items,
        log=[],
        is_borrowing=values is None,
        status=PASSING,
        visit=1,
    )
    fork.children[0] = child
    fork.next = 1
    fork.active = 0 if scope.rests else 1
    child.rests = scope.rests
    scope.open = fork
    scope.status = FORKED
    machine.passing.append(child)


def end_scope(machine: Machine, scope: Scope) -> None:
    """The run or a sub-graph has reached its END."""
    scope.status = DONE
    if scope.parent is not None:
        end_branch(machine, scope, DONE)


def end_branch(machine: Machine, scope: Scope, status: Any) -> None:
    """A branch has settled: count it, free its slot, let the join be considered."""
    fork = scope.fork
    assert fork is not None
    scope.status = status
    if status == DONE:
        fork.done += 1
    elif status == FAILED:
        fork.failed += 1
    else:
        fork.cancelled += 1
    opening = machine.opening
    if not scope.rests:
        if fork.parked is None and (fork.next == fork.total or (opening and opening[-1] is fork)):
            fork.active -= 1  # all that freeing the slot comes to: nobody waits for it, or it is known to be free
        else:
            slots.free_slot(machine, fork)
    edge = fork.edge
    if edge is not None and edge.need.kind == "all" and fork.done + fork.failed + fork.cancelled < fork.total:
        if not fork.active:
            slots.rest_around(machine, fork)
    else:
        machine.meeting.append(fork)  # one that needs all is considered once, not at every branch (0.9 us each)


def make_idle(machine: Machine, scope: Scope, status: Any) -> None:
    """The cursor waits for a timer or an answer; it holds no slot meanwhile (S6.9)."""
    scope.status = status
    machine.idle[scope] = None
    slots.rest(machine, scope)


def wake(machine: Machine, scope: Scope) -> None:
    """Ready again, for another attempt."""
    machine.idle.pop(scope, None)
    scope.due = None
    scope.turn += 1
    if not scope.node.is_performed:  # a sub-graph is entered again by the machine itself
        scope.status = PASSING
        machine.passing.append(scope)
        return
    scope.status = READY
    slots.queue(machine, scope)


def sleep(machine: Machine, scope: Scope, due: float) -> None:
    """A failed attempt is followed by another at ``due`` (S8.1)."""
    if scope.status == RUNNING:
        machine.running -= 1
        if scope.node.at_once is not None:
            slots.leave_gate(machine, scope)
    scope.turn += 1
    scope.due = due
    scope.open = None
    make_idle(machine, scope, SLEEPING)
    machine.timers.append((due, scope, ("retry", scope.visit, scope.attempt)))


def ask(machine: Machine, scope: Scope, question: str) -> None:
    scope.question = question
    make_idle(machine, scope, WAITING)


def go_on(machine: Machine) -> None:
    """Something has come to a run that waited: it runs again, as a fold of its journal says too (S10.2)."""
    if machine.status == "waiting":
        machine.status = "running"


def stay_at_exit(scope: Scope) -> None:
    """The update is committed, but no edge could be chosen (S3.2)."""
    scope.status = EXIT


def close_fork(machine: Machine, fork: Fork) -> None:
    """The join has fired, or failed for good: what still runs in the fork is cancelled."""
    fork.is_closed = True
    leave_graph(machine, fork)
    for child in fork.children[: fork.next] if fork.settled < fork.total else ():
        if child is not None and child.status not in ENDED:
            cancel_scope(machine, child)
            child.status = CANCELLED
            fork.cancelled += 1
    owner = fork.owner
    owner.open = None
    if fork.next and owner.writes_to is None and not owner.is_borrowing:
        owner.values = owner.values.copy()  # what was lent goes on showing the state at the fork, in copies too


def leave_graph(machine: Machine, fork: Fork) -> None:
    """The visit of a sub-graph's node is over: its place at the node is free (S6.9)."""
    if fork.edge is None and fork.owner.node.at_once is not None:
        slots.leave_gate(machine, fork.owner)


def cancel_scope(machine: Machine, scope: Scope) -> None:
    """Take a scope and all under it out of the run: timers and late results of it fall away."""
    put_down(machine, scope)
    if scope.open is not None:
        for child in scope.open.children[: scope.open.next]:
            if child is not None and child.status not in ENDED:
                cancel_scope(machine, child)
        scope.open.is_closed = True
        leave_graph(machine, scope.open)
        scope.open = None
    scope.status = CANCELLED
    scope.turn += 1


def put_down(machine: Machine, scope: Scope) -> None:
    """Whatever a driver does for this cursor is over; the cursor may be picked up again by a resume."""
    if scope.status == RUNNING:
        machine.running -= 1
        machine.stops.append(scope)
        if scope.node.at_once is not None:
            slots.leave_gate(machine, scope)
        scope.status = READY
        scope.turn += 1
        scope.view = None
    elif scope.status in IDLE:
        machine.idle.pop(scope, None)
    elif scope.node.at_once is not None and scope.open is None:
        slots.leave_line(machine, scope)


def hold(machine: Machine, scope: Scope) -> None:
    """An error ended the run: every cursor stays where it is, for a resume (S14.3)."""
    put_down(machine, scope)
    if scope.open is not None:
        for child in scope.open.children[: scope.open.next]:
            if child is not None and child.status not in ENDED:
                hold(machine, child)


def set_aside(machine: Machine, scope: Scope) -> None:
    """An error ended a branch that is collected: nothing in it goes on, but a resume may pick it up (S6.7, S14.3)."""
    put_down(machine, scope)
    if scope.open is not None:
        leave_graph(machine, scope.open)
        for child in scope.open.children[: scope.open.next]:
            if child is not None and child.status not in ENDED:
                set_aside(machine, child)
                child.held = child.status
                child.status = HELD


def merge(owner: Scope, updates: Sequence[Update]) -> None:
    """Fold branches' updates onto the parent's state, one by one, in branch order then step order (S6.4)."""
    schema = owner.plan.schema
    if schema.has_locals:
        specs = schema.specs
        kept = [{n: change for n, change in changes.items() if not specs[n].is_local} for changes in updates]
        updates = [changes for changes in kept if changes]
    owner.fold_all(updates)  # at once: a map over 10,000 spends 0.5 us less a branch


def arrive_at_join(machine: Machine, owner: Scope, fork: Fork, node: Node) -> None:
    """The join has fired: the parent's cursor goes on at the join node, which sees its branches (S6.7)."""
    owner.turn += 1
    reach(machine, owner, node.index)
    if owner.status not in ENDED:
        owner.branches = fork
