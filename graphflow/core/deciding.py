"""What follows from an event, decided on live runs only: which update, which edge (S3, S4, S9).

Nothing here changes a run. Everything that asks the user's code (guards, validators, functions of a result) is here
or in ``schema``; a replay calls none of it (S15.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from graphflow.core.journal import item_codec
from graphflow.core.plan import Edge, Guard, Node, Over, Plan, Writes
from graphflow.core.schema import Update, adapter
from graphflow.core.scopes import Scope
from graphflow.core.sealing import all_texts, holds_secret, scrubbed
from graphflow.core.view import is_view
from graphflow.errors import (
    GraphflowError,
    GuardFailed,
    LimitExceeded,
    NoWayOut,
    Place,
    RunError,
    UpdateInvalid,
    ViewReadOnly,
    shown,
    slip_of,
)


@dataclass(slots=True, frozen=True)
class Choice:
    """The edge taken; for a fork the positions of its targets, for a map its items."""

    edge: Edge
    starts: Sequence[int] = ()
    items: Sequence[Any] | None = None


def updates_of(
    scope: Scope, result: Any, pending: Sequence[Mapping[str, Any]] = (), carried: Mapping[str, Any] | None = None
) -> list[Update]:
    """The validated updates of one step: those of ``ctx.update`` in call order, then the returned one (S3.1, S3.7).

    ``carried`` is what the data of a chosen handoff write, None without one: only without one is None a value (S9.1).
    """
    node, plan = scope.node, scope.plan
    declared = node.writes.declared
    updates = [_validated(plan, node, given, declared) for given in pending]
    if result is not None or (node.writes.kind == "value" and carried is None):
        given = as_update(node.writes, result, plan, node)
        if given:
            updates.append(_validated(plan, node, given, declared))
    if carried:
        updates.append(_validated(plan, node, carried, None))
    return updates


def _validated(plan: Plan, node: Node, given: Mapping[str, Any], allowed: frozenset[str] | None) -> Update:
    try:
        return sized(plan, plan.schema.update(given, allowed))
    except UpdateInvalid:
        for name, value in given.items():
            if _is_awaitable_in(value):
                raise _await_missing(f"Node {node.name!r} gives {name!r} {result_shown(plan, value)}", node) from None
        raise


def _is_dict(value: object) -> TypeGuard[dict[str, Any]]:
    return type(value) is dict


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def as_update(writes: Writes, result: Any, plan: Plan, node: Node) -> Mapping[str, Any]:
    """A node's result as a mapping of the fields that change (S3.1)."""
    kind = writes.kind
    if kind == "value":
        _refuse_awaitable(result, plan, node)
        return {writes.fields[0]: result}
    if kind == "fields" and _is_dict(result):
        return result
    if isinstance(result, plan.state) and kind == "fields":
        raise ViewReadOnly(
            f"Node {node.name!r} returned {'its view of the state' if is_view(result) else 'a whole state'}",
            why="A node returns an update, the fields that change. A whole state would overwrite what others wrote. (S3.6)",
            fix='Return a dict such as {"field": value}, or declare writes= and return the value.',
            where=places(node.place),
        )
    _refuse_awaitable(result, plan, node)
    if kind == "tuple":
        return _tuple_update(writes, result, plan, node)
    if kind == "mapped":
        return {name: _source(source, result, plan, node) for name, source in writes.sources}
    if _is_mapping(result):
        return result
    if isinstance(result, BaseModel):
        return {name: getattr(result, name) for name in type(result).model_fields}
    raise UpdateInvalid(
        f"Node {node.name!r} returned {result_shown(plan, result)}, which is no update",
        why="A node returns the fields that change, as a dict, TypedDict or model, or None. (S3.1)",
        fix="Declare which field it is: graph.node(..., writes=state.field).",
        where=places(node.place),
    )


def result_shown(plan: Plan, value: object) -> str:
    """What a node returned, as messages show it; where the state has secrets, it may be one in plain text."""
    return f"a {type(value).__name__}" if plan.schema.secret_names else shown(value)


def places(place: Place | None) -> tuple[Place, ...]:
    """Where an error points, if it is known."""
    return () if place is None else (place,)


def _refuse_awaitable(result: Any, plan: Plan, node: Node) -> None:
    if hasattr(result, "__await__") and _is_awaitable_in(result):
        raise _await_missing(f"Node {node.name!r} returned {result_shown(plan, result)}", node)


def _is_awaitable_in(value: Any, depth: int = 3) -> bool:
    """Whether something in a result must be awaited; it is closed, else Python complains later and elsewhere."""
    if hasattr(value, "__await__"):
        end = getattr(value, "close", None) or getattr(value, "cancel", None)
        if end is not None:
            end()
        return True
    parts: list[Any] = list(value.values() if _is_dict(value) else value) if type(value) in (dict, list, tuple) else []
    found = [_is_awaitable_in(part, depth - 1) for part in parts] if depth else []  # all of them: each one is closed
    return any(found)


def _await_missing(what: str, node: Node) -> UpdateInvalid:
    return UpdateInvalid(
        f"{what}, which must be awaited",
        why="An update is plain data. An await is missing in the node. (S3.1)",
        fix="Await it in the node: `value = await ...`, or `await asyncio.gather(*several)`, in an `async def`.",
        where=places(node.place),
    )


def _tuple_update(writes: Writes, result: Any, plan: Plan, node: Node) -> dict[str, Any]:
    if not _is_tuple(result) or len(result) != len(writes.fields):
        raise UpdateInvalid(
            f"Node {node.name!r} returned {result_shown(plan, result)} instead of {len(writes.fields)} values",
            why=f"It declared writes=({', '.join(writes.fields)}): a tuple with a value for each. (S3.1)",
            fix=f"Return a tuple of {len(writes.fields)} values.",
            where=places(node.place),
        )
    return dict(zip(writes.fields, result, strict=True))


def _source(source: Any, result: Any, plan: Plan, node: Node) -> Any:
    if callable(source):
        return source(result)
    try:
        return result[source] if _is_mapping(result) else getattr(result, source)
    except (KeyError, AttributeError):
        raise UpdateInvalid(
            f"Node {node.name!r} returned {result_shown(plan, result)}, which has no {source!r}",
            why=f"Its writes= take {source!r} from the result. (S3.1)",
            fix="Name something the result has, or give a function of the result.",
            where=places(node.place),
        ) from None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


_SCALAR = (int, float, bool, type(None))


def sized(plan: Plan, changes: Update) -> Update:
    """S17: no value of an update is larger than the limit. Bytes are those of its JSON."""
    limit = plan.limits.value_bytes
    for name, change in changes.items():
        if type(change) in _SCALAR:
            continue
        is_small = _is_text(change) and 6 * len(change) <= limit  # six bytes a character at most
        size = 0 if is_small else json_size(change)
        if size > limit:
            raise LimitExceeded(
                f"The update gives {name.lstrip('=')!r} a value of {size:,} bytes",
                why=f"One value may have {limit:,} bytes at most. (S17)",
                fix="Store large data outside and keep its address in the state, or raise it: limits=Limits(value_bytes=...).",
            )
    return changes


def json_size(value: Any) -> int:
    """Bytes of a value as JSON."""
    try:
        return len(to_json(value, fallback=str, inf_nan_mode="constants"))
    except ValueError:  # a lone surrogate: JSON text has it escaped, with six characters at most for each
        return 6 * len(str(value))


def trial(scope: Scope, updates: Sequence[Update]) -> dict[str, Any]:
    """Fold updates into a copy and validate the result; what the model's validators altered. Raises UpdateInvalid."""
    schema = scope.plan.schema
    if not (schema.has_checks or schema.has_model_validators or schema.has_field_validators):
        return {}
    values = scope.read().copy()
    own: set[str] = set()
    changed: Update = {}
    for changes in updates:
        for name, change in changes.items():
            schema.specs[name].fold_into(values, own, change)
        changed.update(changes)
    return schema.check(values, changed) if changed else {}


def is_enabled(edge: Edge, scope: Scope) -> bool:
    """Whether an edge's condition holds and its limit is not used up (S4.2). Raises GuardFailed."""
    return (edge.guard is None or holds(edge.guard, scope, edge)) and (not edge.is_limited or scope.has_room(edge))


def holds(guard: Guard, scope: Scope, edge: Edge) -> bool:
    """Ask a guard. One that raises, or answers with no bool, is an error naming edge, guard and values (S5.4)."""
    values = scope.read()
    try:
        answer: object = guard.test(values, scope.items)
    except Exception as error:
        raise _guard_failed(guard, scope, edge, f"it raised {type(error).__name__}: {_brief(error)}", error) from error
    if answer is True or answer is False:
        return answer
    if hasattr(answer, "__await__") or not hasattr(type(answer), "__bool__"):
        raise _guard_failed(guard, scope, edge, f"it answered {shown(answer)}, which is no truth value")
    return bool(answer)


def _brief(error: BaseException) -> str:
    return error.what if isinstance(error, GraphflowError) else str(error)


def _guard_failed(guard: Guard, scope: Scope, edge: Edge, reason: str, error: Exception | None = None) -> GuardFailed:
    return GuardFailed(
        f"The condition [{guard.label}] on {edge_name(scope.plan, edge)} failed",
        cursor=scope.path,
        why=f"{reason}; it saw {seen(guard, scope)}. A condition must answer for every state. (S5.4)",
        fix=_guard_fix(scope, error),
        where=places(guard.place or edge.place),
    )


def _guard_fix(scope: Scope, error: Exception | None) -> str:
    """A misspelt name has its own mend; None is compared with first; all else is for the condition to look after."""
    if error is None:
        return "Let it answer True or False."
    if slip := slip_of(error):
        return slip
    state = scope.plan.state.__name__
    if "NoneType" in str(error):
        return f"Compare with None first, or use an expression over fields({state}): there a comparison with None is false."
    return f"Let it answer there too: ask first whether it can, or use an expression over fields({state})."


def seen(guard: Guard, scope: Scope) -> str:
    values = scope.read()
    names = sorted(guard.reads) if guard.reads is not None else sorted(values)
    parts = [f"{name}={shown(values[name])}" for name in names if name in values]
    if guard.uses_item and scope.items:
        parts.append(f"item={shown(scope.items[-1])}")
    return ", ".join(parts) or "nothing"


def edge_name(plan: Plan, edge: Edge) -> str:
    """An edge in words: ``review -> write``."""
    targets = ", ".join(plan.nodes[target].name for target in edge.targets)
    return f"{plan.nodes[edge.source].name} -> {targets}"


def choose(scope: Scope) -> Choice:
    """The first enabled exit of the cursor's node (S4.2). Raises NoWayOut or GuardFailed."""
    for edge in scope.node.exits:
        guard = edge.guard
        if guard is not None and not holds(guard, scope, edge):
            continue
        if edge.is_limited and not scope.has_room(edge):
            continue
        if edge.kind == "edge":
            return Choice(edge)
        return _split(scope, edge)
    raise _no_way_out(scope)


def _split(scope: Scope, edge: Edge) -> Choice:
    """Fix the branches of a fork or the items of a map (S6.1)."""
    if edge.over is None:
        starts = [
            position
            for position, guard in enumerate(edge.branch_guards or (None,) * len(edge.targets))
            if guard is None or holds(guard, scope, edge)
        ]
        return Choice(edge, starts)
    try:
        items = _typed_items(edge.over, edge.over.items(scope.read(), scope.items))
    except Exception as error:
        raise GuardFailed(
            f"The items of {edge_name(scope.plan, edge)} could not be read from {edge.over.label}",
            cursor=scope.path,
            why=f"{error} (S6.1)"
            if isinstance(error, _ItemInvalid)
            else f"It raised {type(error).__name__}: {_brief(error)}. (S6.1)",
            fix="Annotate what over= returns with what it does return."
            if isinstance(error, _ItemInvalid)
            else "Give over= a list field, or a function of the state that returns a list.",
            where=places(edge.place),
        ) from error
    if len(items) > scope.plan.limits.fork_width:
        raise GuardFailed(
            f"The map {edge_name(scope.plan, edge)} has {len(items):,} items",
            cursor=scope.path,
            why=f"A fork may have {scope.plan.limits.fork_width:,} branches at most. (S17)",
            fix="Work on fewer items at a time, or raise it: limits=Limits(fork_width=...).",
            where=places(edge.place),
        )
    return Choice(edge, (0,), items)


def _typed_items(over: Over, found: Sequence[Any]) -> list[Any]:
    """The items as the journal will give them back (S6.1, S15.2). Those of a field are known to be so."""
    if over.field is not None:
        return list(found)
    whole, codec = adapter(over.item_type), item_codec(over.item_type)
    items: list[Any] = []
    for item in found:
        try:
            value = whole.validate_python(item)
            back = value if codec is None else codec[1](codec[0](value))
        except ValueError as error:
            said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            said = scrubbed(said, all_texts(item)) if holds_secret(cast("Any", whole.core_schema)) else said
            raise _ItemInvalid(f"The item {_item_shown(whole, item)} is none of {over.label}: {said}.") from None
        if type(back) is not type(value) or back != value:
            raise _ItemInvalid(
                f"The item {_item_shown(whole, item)} would come back from the journal as {_item_shown(whole, back)}."
            )
        items.append(value)
    return items


def _item_shown(whole: TypeAdapter[Any], item: object) -> str:
    core: Any = whole.core_schema
    return f"<{type(item).__name__}, not shown: secret>" if holds_secret(core) else shown(item)


class _ItemInvalid(TypeError):
    pass


def _no_way_out(scope: Scope) -> NoWayOut:
    node, plan = scope.node, scope.plan
    lines: list[str] = []
    for edge in (*node.exits, *node.handoffs):
        target = ", ".join(plan.nodes[target].name for target in edge.targets)
        lines.append(f"-> {target}  {why_not(edge, scope)}")
    if not lines:
        lines.append("It has no edge at all.")
    return NoWayOut(
        f"No way out of node {node.name!r}",
        cursor=scope.path,
        why="\n".join(lines) + "\nIts update is kept; a resumed run chooses again and runs nothing. (S4.4)",
        fix=f"Add an edge without a condition last, e.g. graph.edge({node.name}, END), or widen one of these.",
        where=places(node.place),
    )


def why_not(edge: Edge, scope: Scope) -> str:
    """Why an edge is not enabled, with the values that its condition saw."""
    if edge.kind == "handoff":
        return "is a handoff, which the node did not choose"
    if edge.guard is not None and not holds(edge.guard, scope, edge):
        return f"needs {edge.guard.label}   (is {seen(edge.guard, scope)})"
    most = edge.limit.at_most if edge.limit is not None else edge.at_most
    return f"was taken {scope.times_taken(edge)} of {most} times"


def located(error: Exception, scope: Scope) -> Exception:
    """An error made before the cursor was known learns it here."""
    if isinstance(error, RunError) and not error.cursor:
        error.cursor = scope.path
    if isinstance(error, GraphflowError) and not error.where and scope.node.place is not None:
        error.where = (scope.node.place,)
    return error
