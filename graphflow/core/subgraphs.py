"""A graph as a node (S12): entered as a fork of one, left by handing its updates over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from graphflow.core import changing, deciding, failures, guarding, joins, shortcuts, slots
from graphflow.core.inputs import input_invalid
from graphflow.core.schema import Update
from graphflow.core.scopes import Altered, Fork, Scope
from graphflow.errors import TooDeep, UpdateInvalid

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def enter(machine: Machine, scope: Scope) -> None:
    """Enter a sub-graph's node: one more attempt at the whole (S12.1)."""
    sub = scope.node.graph
    assert sub is not None
    scope.attempt += 1
    depth = scope.prefix.count("/") + 1
    if depth >= machine.plan.limits.depth:
        error = TooDeep(
            f"Sub-graph {scope.node.name!r} is nested {depth} scopes deep",
            cursor=scope.path,
            why=f"Scopes nest {machine.plan.limits.depth} deep at most. (S12.2, S17)",
            fix="End the recursion earlier, or raise it: limits=Limits(depth=...).",
        )
        slots.leave_gate(machine, scope)
        failures.fail(machine, scope, error)
        return
    try:
        guarding.ask_graph(scope, "input", scope.plan, scope.read())
    except Exception as error:
        slots.leave_gate(machine, scope)
        failures.fail(machine, scope, deciding.located(error, scope))
        return
    values = None
    entry: dict[str, Any] = {"kind": "entered", "at": scope.path}
    if sub.inward is not None:
        inner = sub.plan().schema
        given = {name: scope.read()[outer] for name, outer in sub.inward}
        try:
            values = inner.start(given)
        except Exception as error:  # invalid, or a validator of the user's that raised something else
            slots.leave_gate(machine, scope)
            wrong = input_invalid(sub.plan(), error) if isinstance(error, ValidationError) else error
            failures.fail(machine, scope, deciding.located(wrong, scope))
            return
        entry["state"] = inner.dump_state(values)
    if scope.attempt > 1:
        entry["attempt"] = scope.attempt
    machine.note(entry, scope)
    changing.enter_graph(machine, scope, values)
    if scope.node.timeout_s is not None:
        scope.due = machine.now + scope.node.timeout_s
        machine.timers.append((scope.due, scope, ("limit", scope.visit, scope.attempt)))


def leave(machine: Machine, fork: Fork) -> None:
    """A sub-graph has ended: its updates are handed over, and its node goes on like any other (S12.1)."""
    owner = fork.owner
    child = fork.children[0]
    assert child is not None
    try:
        guarding.ask_graph(owner, "output", child.plan, child.read())
        updates = outward(owner, child)
        altered = deciding.trial(owner, updates)
        if owner.writes_to is not None and (bad := joins.shared_conflict(owner, updates)):
            raise bad
        if shortcuts.shortcut_of(owner.plan, owner.node).is_guarded:
            guarding.ask_way(owner, updates, altered, None)
    except Exception as error:  # invalid, or a validator of the user's that raised something else
        failures.fail(machine, owner, deciding.located(error, owner))
        return
    machine.finish_node(owner, "left", updates, altered, journal_updates=False)


def outward(owner: Scope, child: Scope) -> list[Update]:
    """The child's updates as the outer state takes them: mapped field by field where the states differ."""
    sub = owner.node.graph
    assert sub is not None
    log = child.log or []
    specs = child.plan.schema.specs
    if sub.outward is None:
        log = [changes for changes in log if type(changes) is not Altered]  # the outer state validates by itself
        return [kept for changes in log if (kept := {n: c for n, c in changes.items() if not specs[n].is_local})]
    names: dict[str, list[str]] = {}
    for outer, inner in sub.outward:
        names.setdefault(inner, []).append(outer)
    updates: list[Update] = []
    for changes in log:
        mapped: Update = {}
        for name, change in changes.items():
            is_replacing = name.startswith("=")
            for outer in names.get(specs[name].name, ()):
                mapped.update(_translated(owner, outer, change, is_replacing, specs[name].reducer is None))
        if mapped:
            updates.append(mapped)
    return updates


def _translated(owner: Scope, outer: str, change: Any, is_replacing: bool, is_plain: bool) -> Update:
    """One change of an inner field as a change of an outer one.

    A plain inner write onto a reduced outer field is a whole value, and replaces; so does Replace.
    """
    spec = owner.plan.schema.fields[outer]
    name = "=" + outer if spec.reducer is not None and (is_replacing or is_plain) else outer
    target = owner.plan.schema.specs[name]
    try:
        return {name: target.validate(change)}
    except ValueError as error:
        raise UpdateInvalid(
            f"The sub-graph {owner.node.name!r} hands over a value for {outer!r} that does not validate",
            cursor=owner.path,
            why=f"{error} (S12.1)",
            fix="Map fields of the same type, with the same reducer.",
        ) from None
