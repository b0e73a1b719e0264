"""Changed graphs (S16): may a run go on under another plan, and moving it there.

It may if every live cursor's node, every open fork (targets, join, policy) and every state field still exist with the
same type, and the state validates. Nodes are matched by name: a renamed node is a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from graphflow.core.plan import Edge, Plan
from graphflow.core.scopes import Scope, limit_key
from graphflow.errors import GraphChanged

if TYPE_CHECKING:
    from graphflow.core.machine import Machine

Migrate = Callable[[dict[str, Any]], Mapping[str, Any]]
"""The old state's fields -> the new state's, for what changed its type or name."""


def migrate(machine: Machine, plan: Plan, change: Migrate | None = None) -> None:
    """Move a run to ``plan`` and journal it. Raises GraphChanged, with the differences; nothing has changed then."""
    differences = _differences(machine, plan, change)
    if differences:
        raise GraphChanged(
            f"Run {machine.run_id!r} cannot go on under the changed graph {plan.name!r}",
            why="\n".join(differences) + "\n(S16)",
            fix="Keep what the run still needs, or give migrate= a function of the old state's fields.",
        )
    values: dict[str, Any] | None = None
    if plan.state is not machine.plan.state or change is not None:
        given = dict(machine.root.read()) if change is None else dict(change(dict(machine.root.read())))
        try:
            values = plan.schema.start(given)
        except ValidationError as error:
            raise GraphChanged(
                f"The state of run {machine.run_id!r} is no valid {plan.state.__name__}",
                why=f"{error} (S16)",
                fix="Give migrate= a function that makes it valid.",
            ) from None
    entry: dict[str, Any] = {"kind": "migrated", "graph": plan.name, "fingerprint": plan.fingerprint}
    if values is not None:
        entry["state"] = plan.schema.dump_state(values)
    move(machine, plan, values)
    machine.note(entry, None)


def move(machine: Machine, plan: Plan, values: dict[str, Any] | None) -> None:
    """What a migration does, live and in replay."""
    old = machine.plan
    for scope in _scopes_of(machine, old):
        scope.node = plan.node(scope.node.name)
        by_name = {node.index: plan_index for node in old.nodes if (plan_index := _index(plan, node.name)) is not None}
        scope.visits = {by_name[i]: n for i, n in (scope.visits or {}).items() if i in by_name} or None
        scope.taken = _taken(scope, old, plan)
        if scope.join >= 0:
            scope.join = by_name[scope.join]
        if scope.open is not None and scope.open.edge is not None:
            scope.open.edge = _twin(scope.open.edge, old, plan)
        scope.plan = plan
        if values is not None and scope.parent is None:
            scope.values = values
            scope.own = None
    machine.plan = plan


def _scopes_of(machine: Machine, plan: Plan) -> list[Scope]:
    found: list[Scope] = []
    stack = [machine.root]
    while stack:
        scope = stack.pop()
        if scope.plan is plan:
            found.append(scope)
        if scope.open is not None:
            stack.extend(child for child in scope.open.children if child is not None)
    return found


def _index(plan: Plan, name: str) -> int | None:
    return next((node.index for node in plan.nodes if node.name == name), None)


def _names(plan: Plan, edge: Edge) -> tuple[Any, ...]:
    """What makes an edge the same edge in another plan: kind, ends, join and policy, by name."""
    return (
        edge.kind,
        plan.nodes[edge.source].name,
        tuple(plan.nodes[target].name for target in edge.targets),
        None if edge.join is None else plan.nodes[edge.join].name,
        str(edge.need),
        edge.failures,
        edge.shared,
    )


def _twin(edge: Edge, old: Plan, new: Plan) -> Edge | None:
    wanted = _names(old, edge)
    return next((other for other in new.edges if _names(new, other) == wanted), None)


def _taken(scope: Scope, old: Plan, new: Plan) -> dict[object, int] | None:
    """Counts of takings follow their edges; shared limits are new objects and follow their first edge."""
    counts: dict[object, int] = {}
    for edge in old.edges:
        taken = scope.times_taken(edge)
        twin = _twin(edge, old, new) if taken else None
        if twin is not None:
            counts[limit_key(twin)] = taken
    return counts or None


def _differences(machine: Machine, plan: Plan, change: Migrate | None) -> list[str]:
    old = machine.plan
    found: list[str] = []
    if change is None:
        for name, spec in old.schema.fields.items():
            other = plan.schema.fields.get(name)
            if other is None:
                found.append(f"The field {name!r} is gone.")
            elif other.annotation != spec.annotation:
                found.append(f"The field {name!r} was {spec.annotation} and is {other.annotation}.")
    for scope in machine.scopes():
        if scope.plan is not old:
            continue
        twin = _index(plan, scope.node.name)
        if twin is None:
            found.append(f"The run stands at node {scope.node.name!r} ({scope.path}), which is gone.")
        elif plan.nodes[twin].kind != scope.node.kind:
            found.append(f"Node {scope.node.name!r} was a {scope.node.kind} and is a {plan.nodes[twin].kind}.")
        if scope.open is not None and scope.open.edge is not None and _twin(scope.open.edge, old, plan) is None:
            targets = ", ".join(old.nodes[target].name for target in scope.open.edge.targets)
            found.append(f"The open fork {scope.node.name} -> {targets} is gone or has another join or policy.")
    return found
