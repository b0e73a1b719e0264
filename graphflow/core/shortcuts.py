"""The common step in one go: what is known of a node before it runs, and a short way through ``Machine.finish``.

Most nodes return a dict or a value that validates, in a scope of their own, and go on along an ordinary edge. The
general way makes some thirty calls for that, this one six: it took a step of a loop from 8.1 to 5.3 us. Whatever is not
so simple is declined before anything has changed, and left to the general way with its errors: there is one meaning,
and the rules and laws under ``tests`` hold for both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphflow.core import changing
from graphflow.core.deciding import sized
from graphflow.core.journal import expand
from graphflow.core.plan import Edge, Node, Plan
from graphflow.core.reducers import Replace
from graphflow.core.schema import Schema, Update
from graphflow.core.scopes import DONE, RUNNING, Scope
from graphflow.core.view import has_copies, view_maker

if TYPE_CHECKING:
    from graphflow.core.machine import Machine

_SCALARS = frozenset((int, float, bool, type(None)))
_LASTING = _SCALARS | {str}
"""The types of values that nobody can alter."""

_SURELY_SMALL = 1_000
"""Texts up to this length need not be measured: no limit of S17 is as low as that."""


class Altering(dict[str, Any]):
    """An update with a value that can still be altered, a list or dict: its entry has to be written at the commit."""


@dataclass(slots=True, eq=False)
class Exit:
    """An ordinary edge. ``node`` is its target where a cursor just becomes ready there, else None."""

    edge: Edge
    test: Callable[..., bool] | None
    is_counted: bool
    target: int
    node: Node | None


@dataclass(slots=True, eq=False)
class Shortcut:
    """What is known of one node. ``validate`` is by field; ``exits`` and ``only`` are the edges it can go along."""

    make_view: Callable[[Any], Any]
    has_copies: bool  # its view copies containers later, so they must stay as they are meanwhile
    is_open: bool  # whether ``finish`` may be tried at all
    field: str | None  # writes=field: the result is its value
    validate: dict[str, Callable[[Any], Any]]
    replaces: bool  # none of the fields has a reducer
    is_brief: bool  # entries may be written later: no field needs dumping
    exits: tuple[Exit, ...]
    only: Exit | None  # the first exit, where it is sure to be taken


def shortcut_of(plan: Plan, node: Node) -> Shortcut:
    """Made once per node, and kept there: ten thousand runs work it out once."""
    found: Shortcut | None = node.memo
    if found is None:
        found = _made(plan, node)
        object.__setattr__(node, "memo", found)  # nodes are frozen; what is worked out of one is no part of it
    return found


def _made(plan: Plan, node: Node) -> Shortcut:
    reads, writes, schema = node.reads, node.writes, plan.schema
    if reads is not None and writes.declared is not None:
        reads = reads | writes.declared
    exits = tuple(_exit(plan, edge) for edge in node.exits)
    is_sure = bool(exits) and exits[0].test is None and not exits[0].is_counted
    validate = _validators(schema, writes.declared)
    return Shortcut(
        make_view=view_maker(plan.state, reads),
        has_copies=has_copies(plan.state, reads),
        is_open=writes.kind in ("fields", "value")
        and not node.handoffs
        and node.at_once is None
        and plan.limits.value_bytes >= _SURELY_SMALL
        and not (schema.has_checks or schema.has_model_validators or schema.has_field_validators)
        and all(edge.kind == "edge" for edge in node.exits),
        field=writes.fields[0] if writes.kind == "value" else None,
        validate=validate,
        replaces=all(schema.fields[name].reducer is None for name in validate),
        is_brief=all(schema.fields[name].dump is None for name in validate),
        exits=exits,
        only=exits[0] if is_sure else None,
    )


def _exit(plan: Plan, edge: Edge) -> Exit:
    node = plan.nodes[edge.targets[0]]
    is_ready_there = node.kind in ("function", "agent") and not node.timer_edges
    test = None if edge.guard is None else edge.guard.test
    return Exit(edge, test, edge.is_limited, node.index, node if is_ready_there else None)


def _validators(schema: Schema, declared: frozenset[str] | None) -> dict[str, Callable[[Any], Any]]:
    """Of the fields that a node may write, and whose validated values are its own."""
    return {
        name: spec.validate
        for name, spec in schema.fields.items()
        if spec.copy_change is None and (declared is None or name in declared)
    }


def finish(machine: Machine, scope: Scope, turn: int, result: Any) -> bool:
    """A node has returned, without ``ctx.update`` or handoff. False: too late, or not so simple; nothing has changed."""
    if scope.turn != turn or scope.status != RUNNING:
        return False
    plan, node = scope.plan, scope.node
    shortcut: Shortcut = node.memo or shortcut_of(plan, node)
    if not shortcut.is_open or scope.home is not scope:
        return False
    changes = _validated(shortcut, plan, result)
    if changes is None:
        return False
    if scope.view is not None:
        machine.release_view(scope)
    machine.running -= 1
    scope.turn += 1
    scope.error = scope.effects = scope.branches = None
    if changes:
        log = scope.log
        if log is not None:
            log.append(changes)  # what ``fold`` does where a scope writes to itself
        elif shortcut.replaces:
            scope.values.update(changes)
            if scope.own:
                scope.own.difference_update(changes)
        else:
            scope.fold(changes)
    way = shortcut.only or _first_enabled(shortcut, scope)
    if way is None:
        begun: dict[str, Any] = {"kind": "finished", "at": scope.path}
        machine.go_on(scope, {**begun, "updates": [changes]} if changes else begun, None)
    else:
        seq = machine.seq = machine.seq + 1
        brief = (scope.prefix, node.id, scope.visit, changes, way.edge.index, seq, machine.now)
        is_brief = shortcut.is_brief and type(changes) is dict
        machine.entries.append((brief if is_brief else expand(brief), plan))
        if way.is_counted:
            scope.count_taking(way.edge)
        if way.target == scope.join:
            changing.end_branch(machine, scope, DONE)
        elif way.node is not None:
            scope.arrive(way.node, machine.now)
            machine.ready.append(scope)
            return True  # nothing else can have moved
        else:
            changing.reach(machine, scope, way.target)
    if machine.meeting or machine.passing or machine.root.status == DONE:
        machine.settle()
    return True


def _validated(shortcut: Shortcut, plan: Plan, result: Any) -> Update | None:
    """The changes that a result makes, {} for none; None if they are invalid, or not so simple."""
    given: dict[str, Any]
    field, validate = shortcut.field, shortcut.validate
    changes: Update
    is_small = True
    try:
        if field is not None:
            if type(result) is Replace:
                return None
            change = validate[field](result)
            changes = {field: change}
            is_small = type(change) in _SCALARS or (type(change) is str and len(change) <= _SURELY_SMALL)
        elif type(result) is dict:
            given = result  # pyright: ignore[reportUnknownVariableType]  # its keys are checked next
            changes = {}
            for name, value in given.items():
                if type(value) is Replace:
                    return None
                change = changes[name] = validate[name](value)
                if type(change) not in _SCALARS and (type(change) is not str or len(change) > _SURELY_SMALL):
                    is_small = False
        else:
            return {} if result is None else None
        return changes if is_small else _measured(plan, changes)
    except Exception:  # whatever it was, the general way meets it again, and says it well
        return None


def _measured(plan: Plan, changes: Update) -> Update:
    """Raises LimitExceeded (S17)."""
    sized(plan, changes)
    return changes if all(type(change) in _LASTING for change in changes.values()) else Altering(changes)


def _first_enabled(shortcut: Shortcut, scope: Scope) -> Exit | None:
    """The first enabled exit (S4.2); None if a guard fails or none is, which the general way finds again and explains."""
    values, items = scope.values if scope.log is None else scope.read(), scope.items
    try:
        for way in shortcut.exits:
            if way.test is not None:
                answer = way.test(values, items)
                if answer is False:
                    continue
                if answer is not True:
                    return None
            if not way.is_counted or scope.has_room(way.edge):
                return way
    except Exception:
        pass
    return None
