"""A step once its update is decided: fold, choose, journal, move (S3.2)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from graphflow.core import changing, deciding, failures, guarding, joins, unwritten
from graphflow.core.plan import Edge
from graphflow.core.schema import Update
from graphflow.core.scopes import EXIT, Scope
from graphflow.core.view import freeze
from graphflow.errors import GuardrailTripped, RunError

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def finish_node(
    machine: Machine,
    scope: Scope,
    kind: str,
    updates: list[Update],
    altered: dict[str, Any],
    edge: Edge | None = None,
    journal_updates: bool = True,
) -> None:
    """Fold, choose, journal, move: only choosing may raise after the fold (S3.2)."""
    if scope.view is not None:
        unwritten.notice(machine, scope.node, scope.view, updates)
        machine.release_view(scope)
    entry: dict[str, Any] = {"kind": kind, "at": scope.path}
    changing.leave_node(machine, scope)
    if scope.open is not None:
        changing.close_fork(machine, scope.open)
    for changes in updates:
        scope.fold(changes)
    if scope.writes_to is not None:
        joins.note_writers(scope, updates)
    if updates and journal_updates:
        entry["updates"] = updates
    if altered:
        entry["altered"] = altered
        scope.overwrite(altered)
    machine.go_on(scope, entry, edge)


def go_on(machine: Machine, scope: Scope, entry: dict[str, Any], edge: Edge | None) -> None:
    """Choose the edge, journal the step, move the cursor."""
    if edge is None:
        try:
            choice = deciding.choose(scope)
            guarding.ask_edge(scope, choice.edge)  # asked before, where the step had something to commit
        except (RunError, GuardrailTripped) as error:
            scope.status = EXIT
            machine.note(entry, scope)
            failures.stuck(machine, scope, error)
            return
    else:
        choice = deciding.Choice(edge)
        entry["handoff"] = True
    taken = choice.edge
    entry["edge"] = taken.index
    if taken.kind == "map":
        entry["items"] = choice.items
    elif taken.kind == "fork" and len(choice.starts) != len(taken.targets):
        entry["starts"] = choice.starts
    machine.note(entry, scope)
    changing.take_edge(machine, scope, taken, choice.starts, choice.items)


def release_view(machine: Machine, scope: Scope) -> None:
    """A view somebody still holds must not see what comes next."""
    view = scope.view
    if view is not None:
        scope.view = None
        if sys.getrefcount(view) > _ALONE:
            freeze(view)


def _references() -> int:
    class Holder:
        view: Any = None

    scope = Holder()
    scope.view = object()
    view = scope.view
    scope.view = None
    return sys.getrefcount(view)


_ALONE = _references()
"""What getrefcount says of a view that nobody but ``release_view`` holds; measured, as it differs by Python version."""
