"""Timers: retries, timer edges, the time of a fork or sub-graph. The machine is told when one is due (S8.1, S10.3, S6.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graphflow.core import changing, deciding, failures, joins, suspending
from graphflow.core.plan import Edge
from graphflow.core.scopes import ENDED, EXIT, HELD, RUNNING, SLEEPING, WAITING, Scope
from graphflow.errors import NodeTimeout, RunError

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


_OUT = ENDED | {HELD}


def fire(machine: Machine, scope: Scope, timer: tuple[Any, ...]) -> bool:
    """A timer is due (S8.1, S10.3, S6.6). One whose cursor has moved on changes nothing."""
    kind, visit, what = timer
    if scope.visit != visit or scope.status in _OUT or machine.status in ("done", "failed", "cancelled"):
        return False
    if kind == "retry":
        if scope.status != SLEEPING or scope.attempt != what:
            return False
        machine.note({"kind": "woke", "at": scope.path}, scope)
        changing.wake(machine, scope)
    elif kind == "fork":
        fork = scope.open
        if fork is None or fork.edge is None or fork.edge.index != what:
            return False
        machine.note({"kind": "due", "at": scope.path}, scope)
        joins.consider(machine, fork, is_due=True)
    elif kind == "limit":
        if scope.open is None or scope.open.edge is not None or scope.attempt != what:
            return False
        failures.fail(machine, scope, node_timeout(scope))
    else:
        edge = scope.plan.edge(what)
        if scope.node.index != edge.source or (scope.open is not None and scope.open.edge is not None):
            return False
        if scope.approvals is not None and suspending.is_beaten(scope, scope.since + (edge.after_s or 0.0)):
            return False
        if scope.status == EXIT or not _take_if_enabled(machine, scope, edge):
            return False
    machine.settle()
    return True


def owed(machine: Machine) -> list[tuple[float, Scope, tuple[Any, ...]]]:
    """Every timer a driver owes, derived from the run alone; for a resume."""
    return [timer for scope in machine.scopes() for timer in owed_at(scope)]


def owed_at(scope: Scope) -> Iterator[tuple[float, Scope, tuple[Any, ...]]]:
    """Those of one scope."""
    if scope.status == SLEEPING and scope.due is not None:
        yield scope.due, scope, ("retry", scope.visit, scope.attempt)
    if scope.open is not None and scope.open.due is not None and scope.open.edge is not None:
        yield scope.open.due, scope, ("fork", scope.visit, scope.open.edge.index)
    if scope.open is None or scope.open.edge is None:
        for edge in scope.node.timer_edges:
            due = scope.since + (edge.after_s or 0.0)
            if scope.approvals is None or not suspending.is_beaten(scope, due):
                yield due, scope, ("edge", scope.visit, edge.index)
    if scope.open is not None and scope.open.edge is None and scope.due is not None:
        yield scope.due, scope, ("limit", scope.visit, scope.attempt)


def deadline(scope: Scope) -> float | None:
    """When a question is withdrawn unless it is answered: the earliest timer of its cursor, or of a scope around it.

    A timer edge that is not enabled would change nothing and counts for nothing (S10.3).
    """
    found: list[float] = []
    around: Scope | None = scope
    while around is not None:
        found.extend(due for due, _, timer in owed_at(around) if timer[0] != "edge" or may_take(around, timer[2]))
        around = around.parent
    return min(found, default=None)


def may_take(scope: Scope, index: int) -> bool:
    """Whether a timer edge would be taken now."""
    try:
        return deciding.is_enabled(scope.plan.edge(index), scope)
    except RunError:
        return True  # when it is due, the run hears of the condition that raised


def _take_if_enabled(machine: Machine, scope: Scope, edge: Edge) -> bool:
    try:
        if not deciding.is_enabled(edge, scope):
            return False
    except RunError as error:
        failures.stuck(machine, scope, error)
        return True
    machine.note({"kind": "timer", "at": scope.path, "edge": edge.index}, scope)
    take_edge(machine, scope, edge)
    return True


def take_edge(machine: Machine, scope: Scope, edge: Edge) -> None:
    """What the node did is cancelled, and its cursor goes along the edge (S10.3)."""
    if scope.status == RUNNING:
        changing.put_down(machine, scope)
    elif scope.open is not None:
        changing.close_fork(machine, scope.open)
    scope.question = None
    changing.leave_node(machine, scope)
    changing.take_edge(machine, scope, edge)


def node_timeout(scope: Scope) -> NodeTimeout:
    """The failure of an attempt that took longer than its node allows.

    The time of a graph as a node is that of the whole, from entering it, so the time a person takes counts (S12.1): the due
    time is absolute, as that of a timer edge is (S10.3). An agent that waits for an approval is not at work (S10.4).
    """
    node = scope.node
    asking = _asking_in(scope)
    why = "Its attempt was cancelled and counts as failed. (S8.1)"
    fix = "Raise timeout_s, give it a Retry, or an error edge: graph.edge(..., on_error=NodeTimeout)."
    if asking:
        why = f"It waited for an answer at {asking[0].path}, and the time of a graph is that of the whole, waiting included. (S12.1)"
        fix = (
            f"Raise timeout_s, or leave it out and bound the question: graph.edge({asking[0].node.name}, ..., after_s=...), "
            "in the inner graph."
        )
    return NodeTimeout(
        f"Node {node.name!r} did not finish within {node.timeout_s:g} s",
        cursor=scope.path,
        why=why,
        fix=fix,
        where=(node.place,) if node.place else (),
    )


def _asking_in(scope: Scope) -> list[Scope]:
    """The cursors under a graph's node that wait for a person."""
    fork = scope.open
    if fork is None:
        return [scope] if scope.status == WAITING else []
    children = [child for child in fork.children if child is not None and child.status not in ENDED]
    return [found for child in children for found in _asking_in(child)]
