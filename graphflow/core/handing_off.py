"""Handoffs: edges that a node chooses itself (S9). A choice is checked again after it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from graphflow.core import deciding
from graphflow.core.plan import Edge, Plan, Writes
from graphflow.core.refusals import reasons
from graphflow.core.schema import Update, adapter
from graphflow.core.scopes import Scope
from graphflow.errors import HandoffInvalid, unknown_name


def choice_of(scope: Scope, target: str, data: Any) -> tuple[Edge, Mapping[str, Any]]:
    """The edge a node chose, and the update that the handoff's data make (S9.1)."""
    edge = next((e for e in scope.node.handoffs if scope.plan.nodes[e.target].name == target), None)
    if edge is None:
        raise unknown_handoff(scope, target)
    return edge, handoff_update(edge, data, scope.plan)


def recheck(scope: Scope, edge: Edge, updates: list[Update]) -> None:
    """S9.2: the condition is checked again after the choice, on the state with the node's own update."""
    scratch = Scope(scope.plan, scope.node, scope.read().copy(), scope.prefix)
    scratch.visit, scratch.items, scratch.taken = scope.visit, scope.items, scope.taken
    for changes in updates:
        scratch.fold(changes)
    if not deciding.is_enabled(edge, scratch):
        raise disabled_handoff(scratch, edge)


def disabled_handoff(scope: Scope, edge: Edge) -> HandoffInvalid:
    """A chosen handoff whose condition does not hold, or whose limit is used up (S9.2)."""
    source, target = scope.node, scope.plan.nodes[edge.target]
    return HandoffInvalid(
        f"Node {source.name!r} handed off to {target.name!r}, which is not enabled now",
        cursor=scope.path,
        why=f"{_handoff_reason(edge, scope)}. The condition is checked again after the choice. (S9.2)",
        fix="Choose an enabled handoff; ctx.handoffs lists them.",
        where=deciding.places(edge.place),
    )


def unknown_handoff(scope: Scope, target: str) -> HandoffInvalid:
    """A handoff to a node to which there is no handoff edge (S9.2)."""
    node = scope.node
    declared = [scope.plan.nodes[edge.target].name for edge in node.handoffs]
    return HandoffInvalid(
        f"Node {node.name!r} handed off to {target!r}, to which it has no handoff edge",
        cursor=scope.path,
        why=f"Declared are {', '.join(declared) or 'none'}. (S9.2)",
        fix=unknown_name(target, declared),
        where=deciding.places(node.place),
    )


def _handoff_reason(edge: Edge, scope: Scope) -> str:
    if edge.guard is not None and not deciding.holds(edge.guard, scope, edge):
        return f"It needs {edge.guard.label} (is {deciding.seen(edge.guard, scope)})"
    return "Its limit is used up"


def handoff_update(edge: Edge, data: Any, plan: Plan) -> Mapping[str, Any]:
    """The update a handoff's data makes (S9.1). Raises HandoffInvalid if it does not validate."""
    source, target = plan.nodes[edge.source], plan.nodes[edge.target]
    if edge.takes is None:
        if data is None:
            return {}
        raise HandoffInvalid(
            f"The handoff {source.name} -> {target.name} carries no data, but got {deciding.result_shown(plan, data)}",
            why="It was declared without takes=. (S9.1)",
            fix="Declare takes= and writes= on the handoff.",
            where=deciding.places(edge.place),
        )
    try:
        value = adapter(edge.takes).validate_python(data)
    except ValidationError as error:
        raise HandoffInvalid(
            f"The handoff {source.name} -> {target.name} got data that does not validate: {deciding.result_shown(plan, data)}",
            why=f"{reasons(error) if plan.schema.secret_names else error} (S9.1)",
            fix="Give data of the type declared with takes=.",
            where=deciding.places(edge.place),
        ) from None
    return deciding.as_update(edge.takes_writes or Writes(), value, plan, source)


def missing(scope: Scope) -> HandoffInvalid | None:
    """S9.3: a node with handoff edges only must choose one."""
    node = scope.node
    if node.exits or not node.handoffs:
        return None
    closed = [edge for edge in node.handoffs if not deciding.is_enabled(edge, scope)]
    if len(closed) == len(node.handoffs):
        reasons = (f"-> {scope.plan.nodes[edge.target].name}: {_handoff_reason(edge, scope)}" for edge in closed)
        return HandoffInvalid(
            f"Node {node.name!r} has no handoff to choose: none was enabled, and it has no other way on",
            cursor=scope.path,
            why="\n".join(reasons) + "\nA node with handoff edges only must choose one of them. (S9.3)",
            fix=f"Give it an edge for then: graph.edge({node.name}, ...), or on_error=HandoffInvalid.",
            where=deciding.places(node.place),
        )
    return HandoffInvalid(
        f"Node {node.name!r} chose no handoff, and has no other way on",
        cursor=scope.path,
        why="A node with handoff edges only must choose one of them. (S9.3)",
        fix=f"Choose one, or give it an edge for when it does not: graph.edge({node.name}, ...).",
        where=deciding.places(node.place),
    )
