"""How a run that stood goes on: resumed, under a plan compiled anew, or as a new run from an old seq (S14.3, S15.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphflow.core import deciding, failures, migrating, starting, weighing
from graphflow.core.plan import Plan
from graphflow.core.reducers import Replace
from graphflow.core.schema import Update
from graphflow.core.scopes import Scope
from graphflow.core.usage import Budget
from graphflow.errors import RunError

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def resume(machine: Machine, budget: Budget | None = None) -> None:
    """Make a stopped, failed, waiting or exhausted run live again (S14.3); ``budget`` replaces the old one."""
    if machine.status in ("done", "cancelled"):
        raise RunError(
            f"The run is {machine.status} and cannot be resumed",
            why="Only a stopped, waiting, failed or exhausted run goes on. (S14.3)",
            fix="Start a new run, or rerun this one from an earlier seq.",
        )
    is_new = machine.status == "failed"
    if budget is not None:
        machine.budget = budget
    given = {} if budget is None else {"budget": budget.as_json()}
    machine.note({"kind": "resumed", "from": machine.status, **given}, None)
    machine.status = "running"
    machine.error = None
    machine.is_exhausted = False
    machine.bound = machine.reason = ""
    machine.weight = weighing.weight_of(machine)
    failures.pick_up(machine, machine.root, is_new)
    starting.rebuild(machine)
    machine.settle()


def adopt(machine: Machine, plan: Plan) -> None:
    """Go on with an equal plan compiled anew: its functions are the ones to call."""
    if plan is not machine.plan:
        migrating.move(machine, plan, None)


def rerun(machine: Machine, run_id: str, scope_path: str, changes: Mapping[str, Any]) -> None:
    """Become a new run that goes on from here, with the state of a scope edited (S15.3). Raises UpdateInvalid."""
    scope = machine.find(scope_path) if scope_path else machine.root
    if scope is None:
        raise RunError(
            f"The run has no live scope {scope_path!r} here",
            why="Only the state of a scope that is live at that entry can be edited. (S15.3)",
            fix=f"Live are: {', '.join(s.path for s in machine.scopes())}.",
        )
    updates = scope.plan.schema.update({name: Replace(value) for name, value in changes.items()})
    altered = deciding.trial(scope, [updates])
    entry: dict[str, Any] = {"kind": "rerun", "at": scope_path, "of": machine.run_id, "run": run_id}
    entry["updates"] = [updates]
    if altered:
        entry["altered"] = altered
    machine.note(entry, scope)
    machine.become(run_id, scope, updates, altered)


def become(machine: Machine, run_id: str, scope: Scope, updates: Update, altered: dict[str, Any]) -> None:
    """What a rerun changes, live and in replay."""
    machine.run_id = run_id
    machine.spent.began, machine.spent.seconds_before = machine.now, machine.spent.seconds
    if scope.open is not None and scope.writes_to is None and not scope.is_borrowing and not scope.is_shared:
        scope.values = scope.read().copy()  # branches go on seeing the state at the fork (S6.3)
    scope.fold(updates)
    if altered:
        scope.overwrite(altered)
