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

from graphflow.core import changing, unwritten
from graphflow.core.deciding import sized
from graphflow.core.journal import expand
from graphflow.core.plan import Edge, Node, Plan, Writes
from graphflow.core.reducers import Replace
from graphflow.core.schema import Schema, Update
from graphflow.core.scopes import DONE, RUNNING, Scope
from graphflow.core.view import has_copies, view_maker
from graphflow.core.weighing import size_if_large
from graphflow.errors import LimitExceeded

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
    index: int
    test: Callable[..., bool] | None
    is_counted: bool
    target: int
    node: Node | None


@dataclass(slots=True, eq=False)
class Shortcut:
    """What is known of one node. ``exits`` and ``only`` are the edges it can go along."""

    make_view: Callable[[Any], Any]
    has_copies: bool  # its view copies containers later, so they must stay as they are meanwhile
    is_open: bool  # whether ``finish`` may be tried at all
    changes_of: Callable[[Any], Update | None]  # a result's, {} for none; None: they are invalid, or not so simple
    replaces: bool  # none of the fields has a reducer
    is_brief: bool  # entries may be written later: no field needs dumping
    is_guarded: bool  # there are guardrails on its edges
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
    is_guarded = any(edge.guardrails for edge in (*node.exits, *node.handoffs))
    is_sure = bool(exits) and exits[0].test is None and not exits[0].is_counted
    key = ("shortcut", writes.kind, writes.fields, writes.declared, plan.limits.value_bytes)
    change: Change | None = schema.memo.get(key)
    if change is None:  # a thousand nodes mostly write alike, and what they share stays in the processor's cache
        change = schema.memo[key] = _change(plan, writes)
    return Shortcut(
        make_view=view_maker(plan.state, reads),
        has_copies=has_copies(plan.state, reads),
        is_open=change.is_open
        and not node.handoffs
        and node.at_once is None
        and not is_guarded
        and all(edge.kind == "edge" for edge in node.exits),
        changes_of=change.changes_of,
        replaces=change.replaces,
        is_brief=change.is_brief,
        is_guarded=is_guarded,
        exits=exits,
        only=exits[0] if is_sure else None,
    )


@dataclass(slots=True, eq=False)
class Change:
    """What is known of how a node writes, for all that write alike."""

    changes_of: Callable[[Any], Update | None]
    is_open: bool
    replaces: bool
    is_brief: bool


def _change(plan: Plan, writes: Writes) -> Change:
    schema = plan.schema
    validate = _validators(schema, writes.declared)
    is_value = writes.kind == "value" and writes.fields[0] in validate
    return Change(
        changes_of=_changes_of_value(plan, writes.fields[0], validate[writes.fields[0]])
        if is_value
        else _changes_of_fields(plan, validate),
        is_open=(writes.kind == "fields" or is_value)
        and plan.limits.value_bytes >= _SURELY_SMALL
        and not (schema.has_checks or schema.has_model_validators or schema.has_field_validators),
        replaces=all(schema.fields[name].reducer is None for name in validate),
        is_brief=all(schema.fields[name].dump is None for name in validate),
    )


def _exit(plan: Plan, edge: Edge) -> Exit:
    node = plan.nodes[edge.targets[0]]
    is_ready_there = node.is_performed and not node.timer_edges
    test = None if edge.guard is None else edge.guard.test
    return Exit(edge, edge.index, test, edge.is_limited, node.index, node if is_ready_there else None)


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
    if not shortcut.is_open or scope.writes_to is not None:
        return False
    changes = shortcut.changes_of(result)
    if changes is None:
        return False
    if scope.view is not None:
        unwritten.notice(machine, node, scope.view, (changes,))
        machine.release_view(scope)
    machine.running -= 1
    scope.turn = turn + 1
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
        brief = (scope.prefix, node.id, scope.visit, changes, way.index, seq, machine.now)
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


def _changes_of_value(plan: Plan, field: str, validate: Callable[[Any], Any]) -> Callable[[Any], Update | None]:
    """With writes=field: the result is its value."""

    def changes_of(result: Any) -> Update | None:
        if type(result) is Replace:
            return None
        try:
            change = validate(result)
            if type(change) in _SCALARS or (type(change) is str and len(change) <= _SURELY_SMALL):
                return {field: change}
            return _measured(plan, {field: change})
        except Exception:  # whatever it was, the general way meets it again, and says it well
            return None

    return changes_of


def _changes_of_fields(plan: Plan, validate: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Update | None]:
    """The result is a dict of fields."""

    def changes_of(result: Any) -> Update | None:
        if type(result) is not dict:
            return {} if result is None else None
        changes: Update = {}
        is_small = True
        try:
            for name, value in result.items():  # pyright: ignore[reportUnknownVariableType]  # looked up next
                if type(value) is Replace:  # pyright: ignore[reportUnknownArgumentType]
                    return None
                change = changes[name] = validate[name](value)
                if type(change) not in _SCALARS and (type(change) is not str or len(change) > _SURELY_SMALL):
                    is_small = False
            return changes if is_small else _measured(plan, changes)
        except Exception:  # as above
            return None

    return changes_of


def _measured(plan: Plan, changes: Update) -> Update:
    """Raises LimitExceeded, also for what only the general way may let pass (S17)."""
    sized(plan, changes)
    if any(map(size_if_large, changes.values())):
        raise LimitExceeded("It is large: the general way weighs it")
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
