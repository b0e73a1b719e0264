"""Where the cursors of a folded run stand, in the words of a drawing. Reading changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from graphflow.core import scopes
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.scopes import Fork, Scope
from graphflow.views.drawing import path_of
from graphflow.views.overlay import Status

_LIVELIEST: tuple[Status, ...] = ("running", "retrying", "waiting")


def within(scope: Scope) -> str:
    """The path, in ids, of the sub-graph that a scope is in; empty at the top."""
    fork, parent = scope.fork, scope.parent
    if fork is None or parent is None:
        return ""
    return within(parent) if fork.edge is not None else path_of_scope(parent)


def path_of_scope(scope: Scope) -> str:
    """The path of the node that a scope's cursor is at, or that has opened its fork."""
    return path_of(scope.node.name, within(scope))


def path_at(plan: Plan, cursor: str) -> str | None:
    """The path of the node that a cursor names; None if it leads nowhere."""
    around = ""
    segments = cursor.split("/")
    for place, segment in enumerate(segments):
        match = scopes.SEGMENT.match(segment)
        node = next((node for node in plan.nodes if match is not None and node.id == match["node"]), None)
        if node is None or match is None:
            return None
        if place == len(segments) - 1:
            return path_of(node.name, around)
        if match["branch"] is None and node.graph is not None:
            around, plan = path_of(node.name, around), node.graph.plan()
    return None


def level_at(plan: Plan, path: str) -> Plan | None:
    """The plan of the sub-graph of this path; that of the graph itself for none."""
    for name in path.split("/") if path else ():
        node = next((node for node in plan.nodes if path_of(node.name) == name), None)
        if node is None or node.graph is None:
            return None
        plan = node.graph.plan()
    return plan


def beneath(scope: Scope) -> list[Scope]:
    """A scope and all that is live and has begun under it."""
    found: list[Scope] = []
    stack = [scope]
    while stack:
        one = stack.pop()
        if one.status not in scopes.ENDED:
            found.append(one)
            if one.open is not None:
                stack.extend(child for child in one.open.children if child is not None)
    return found


def is_at_node(scope: Scope) -> bool:
    """Whether its cursor is at a node, or in the sub-graph that the node is; not behind it, in a fork."""
    return (scope.open is None or scope.open.edge is None) and scope.status != scopes.EXIT


def is_over(machine: Machine) -> bool:
    """Whether nothing goes on any more; it failed already when an error has come to the top."""
    return machine.status in ("done", "failed", "cancelled", "exhausted") or machine.error is not None


class Standing:
    """What is live in a run now: by the paths of nodes, and by the branches of open forks."""

    def __init__(self, machine: Machine) -> None:
        self.nodes: dict[str, Status] = {}
        self.branches: dict[tuple[str, int], Status] = {}  # by the cursor that forked, and index
        self.live: list[Scope] = machine.scopes()
        for scope in self.live:
            if scope.open is None and scope.status not in (scopes.EXIT, scopes.HELD):
                self._note(scope, status_of_leaf(scope))

    def _note(self, leaf: Scope, status: Status) -> None:
        """A cursor stands in every sub-graph and every branch that is around it."""
        if leaf.node.kind not in ("start", "end", "fail"):
            path = path_of_scope(leaf)
            self.nodes[path] = _livelier(status, self.nodes.get(path))
        for scope in _around(leaf):
            fork, parent = scope.fork, scope.parent
            if fork is None or parent is None:
                continue
            if fork.edge is None:
                path = path_of_scope(parent)
                self.nodes[path] = _livelier(status, self.nodes.get(path))
            else:
                place = (fork.prefix, scope.index)
                self.branches[place] = _livelier(status, self.branches.get(place))

    def cells(self, fork: Fork, failed: Collection[str], is_over: bool) -> list[Status]:
        """The branches of an open fork. ``failed`` are the cursors that the run failed at."""
        found: list[Status] = []
        for index, child in enumerate(fork.children):
            if child is not None and child.status in scopes.ENDED:
                found.append(_ENDED[child.status])
            elif child is None:
                found.append("not run")
            elif is_over:
                is_failed = any(cursor.startswith(child.prefix) for cursor in failed)
                found.append("failed" if is_failed else "cancelled")
            else:
                found.append(self.branches.get((fork.prefix, index), "running"))
        return found


_ENDED: Mapping[str, Status] = {scopes.DONE: "done", scopes.FAILED: "failed", scopes.CANCELLED: "cancelled"}


def settled_cells(fork: Fork, failed: str) -> list[Status]:
    """The branches of a fork that has closed: whoever was not done is cancelled (S6.6), but for the one that failed."""
    found: list[Status] = []
    for child in fork.children:
        status: Status = "cancelled" if child is None else _ENDED.get(child.status, "cancelled")
        is_cause = child is not None and bool(failed) and failed.startswith(child.prefix)
        found.append("failed" if is_cause and status == "cancelled" else status)
    return found


def status_of_leaf(leaf: Scope) -> Status:
    """What the cursor of a scope without an open fork is at."""
    if leaf.status == scopes.WAITING:
        return "waiting"
    return "retrying" if leaf.status == scopes.SLEEPING else "running"


def _livelier(one: Status, other: Status | None) -> Status:
    if other is None or _LIVELIEST.index(one) <= _LIVELIEST.index(other):
        return one
    return other


def _around(scope: Scope) -> Iterator[Scope]:
    around: Scope | None = scope
    while around is not None:
        yield around
        around = around.parent
