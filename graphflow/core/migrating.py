"""Changed graphs (S16): may a run go on under another plan, and moving it there.

It may if every live cursor's node, every open fork (targets, join, policy) and every state field still exist with the
same type, and the state validates. Nodes are matched by name: a renamed node is a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from graphflow.core.plan import Edge, Plan
from graphflow.core.refusals import reasons
from graphflow.core.scopes import ENDED, Scope, limit_key
from graphflow.core.sealing import all_texts, scrubbed
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
                why=f"{_said(error, plan, machine.plan, given)} (S16)",
                fix="Give migrate= a function that makes it valid.",
            ) from None
    entry: dict[str, Any] = {"kind": "migrated", "graph": plan.name, "fingerprint": plan.fingerprint}
    if values is not None:
        entry["state"] = plan.schema.dump_state(values)
    move(machine, plan, values)
    machine.note(entry, None)


def _said(error: ValidationError, new: Plan, old: Plan, given: dict[str, Any]) -> str:
    """What is wrong with a migrated state; where there are secrets, without the values."""
    has_secrets = new.schema.secret_names or old.schema.secret_names
    return scrubbed(reasons(error), all_texts(given)) if has_secrets else str(error)


def move(machine: Machine, plan: Plan, values: dict[str, Any] | None) -> None:
    """What a migration does, live and in replay. A branch keeps its own state, and gets what fields are new."""
    for scope, new in list(_with_plans(machine, plan)):
        if scope.plan is new:
            continue
        if values is not None and new is plan:
            scope.values = dict(values) if scope.parent is None else _fitted(scope.read(), values)
            scope.own, scope.is_borrowing = None, False
            if scope.open is not None:
                scope.open.values = _fitted(scope.open.values, values)
        _move(scope, new)
    machine.plan = plan


def _move(scope: Scope, plan: Plan) -> None:
    """A scope goes on under another plan, at the node of the same name."""
    old = scope.plan
    by_name = {node.index: found for node in old.nodes if (found := _index(plan, node.name)) is not None}
    scope.visits = {by_name[i]: n for i, n in (scope.visits or {}).items() if i in by_name} or None
    scope.taken = _taken(scope, old, plan)
    scope.node = plan.node(scope.node.name)
    if scope.join >= 0:
        scope.join = by_name[scope.join]
    if scope.open is not None and scope.open.edge is not None:
        scope.open.edge = twin_of(scope.open.edge, old, plan)
    scope.plan = plan


def _fitted(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {name: old.get(name, value) for name, value in new.items()}


def _with_plans(machine: Machine, plan: Plan) -> Iterator[tuple[Scope, Plan]]:
    """Every scope with the plan it would go on under: a sub-graph's is found at the node that entered it.

    Ended branches are among them, as long as their join has not fired. One whose node is gone keeps its plan.
    """
    stack = [(machine.root, plan)]
    while stack:
        scope, new = stack.pop()
        yield scope, new
        if scope.open is None:
            continue
        inner = new
        if scope.open.edge is None:
            twin = _index(new, scope.node.name)
            graph = None if twin is None else new.nodes[twin].graph
            inner = scope.plan if graph is None else graph.plan()
        found = map(scope.open.branch, range(scope.open.total))
        stack.extend((child, inner) for child in found if child is not None)


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


def twin_of(edge: Edge, old: Plan, new: Plan) -> Edge | None:
    """The same edge in another plan; of several that look alike the one in the same place among them."""
    wanted = _names(old, edge)
    alike = [other for other in old.edges if _names(old, other) == wanted]
    found = [other for other in new.edges if _names(new, other) == wanted]
    return found[min(alike.index(edge), len(found) - 1)] if found else None


def _taken(scope: Scope, old: Plan, new: Plan) -> dict[object, int] | None:
    """Counts of takings follow their edges; shared limits are new objects and follow their first edge."""
    counts: dict[object, int] = {}
    for edge in old.edges:
        taken = scope.times_taken(edge)
        twin = twin_of(edge, old, new) if taken else None
        if twin is not None:
            counts[limit_key(twin)] = taken
    return counts or None


def _differences(machine: Machine, plan: Plan, change: Migrate | None) -> list[str]:
    found = _changed_fields(machine.plan, plan)
    if change is not None:
        found = [f"{line} Branches hold it too, and migrate= is given the run's state only." for line in found]
        found = found if machine.root.open is not None and machine.root.open.edge is not None else []
    inner: dict[int, None] = {}
    for scope, new in _with_plans(machine, plan):
        old = scope.plan
        if old is new or scope.status in ENDED:
            continue
        if new is not plan and id(new) not in inner:
            inner[id(new)] = None
            found += [f"In graph {new.name!r}: {line}" for line in _changed_fields(old, new)]
            found += [
                f"In graph {new.name!r}: the field {name!r} is new, and an entry of it is open."
                for name in new.schema.fields
                if name not in old.schema.fields
            ]
        found += _lost(scope, old, new)
    return found


def _changed_fields(old: Plan, new: Plan) -> list[str]:
    found: list[str] = []
    for name, spec in old.schema.fields.items():
        other = new.schema.fields.get(name)
        if other is None:
            found.append(f"The field {name!r} is gone.")
        elif other.annotation != spec.annotation:
            found.append(f"The field {name!r} was {_text(spec.annotation)} and is {_text(other.annotation)}.")
    return found


def _text(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _lost(scope: Scope, old: Plan, new: Plan) -> list[str]:
    """What a live scope needs that the new plan does not have."""
    found: list[str] = []
    twin = _index(new, scope.node.name)
    if twin is None:
        found.append(f"The run stands at node {scope.node.name!r} ({scope.path}), which is gone.")
    elif new.nodes[twin].kind != scope.node.kind:
        found.append(f"Node {scope.node.name!r} was a {scope.node.kind} and is a {new.nodes[twin].kind}.")
    if scope.open is not None and scope.open.edge is not None and twin_of(scope.open.edge, old, new) is None:
        targets = ", ".join(old.nodes[target].name for target in scope.open.edge.targets)
        found.append(f"The open fork {scope.node.name} -> {targets} is gone or has another join or policy.")
    return found
