"""How a run comes to an end: done, failed, cancelled, exhausted (S14.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphflow.core import changing
from graphflow.core.discretion import described
from graphflow.core.scopes import CANCELLED, ENDED, Scope
from graphflow.errors import Cancelled

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


def cancel(machine: Machine, path: str | None = None) -> bool:
    """End the run, or one scope of it (S14.2). False if there is no such live scope."""
    if machine.status in ("done", "failed", "cancelled"):
        return False
    scope = machine.root if path is None else machine.find(path)
    if scope is None or scope.status in ENDED:
        return False
    machine.note({"kind": "cancelled", "at": path or ""}, scope)
    changing.go_on(machine)
    machine.cancel_above(scope)
    machine.settle()
    return True


def cancel_above(machine: Machine, scope: Scope) -> None:
    """Cancel the branch around a scope, or the run if there is none: a sub-graph has no other way on."""
    while not scope.is_branch and scope.parent is not None:
        scope = scope.parent
    changing.cancel_scope(machine, scope)
    if scope.parent is None:
        machine.error = Cancelled("The run was cancelled", why="Somebody called cancel. (S14.2)")
        machine.end("cancelled")
        return
    changing.end_branch(machine, scope, CANCELLED)


def fail_run(machine: Machine, origin: Scope, error: Exception) -> None:
    """Nothing settled the error: the run has failed; every cursor stays where it is (S8.3, S14.3)."""
    machine.error = error
    machine.error_at = origin.path
    changing.hold(machine, machine.root)
    machine.end("failed")


def rest(machine: Machine) -> None:
    """Only questions and their timers are left: the run waits (S10.2)."""
    machine.note({"kind": "waiting"}, None)
    machine.status = "waiting"


def end(machine: Machine, status: str) -> None:
    """The run has come to an end, for good or until it is resumed."""
    machine.status = status
    entry: dict[str, Any] = {"kind": "ended", "status": status}
    if status == "exhausted":
        entry.update(why=machine.reason, bound=machine.bound)
    else:
        machine.bound = machine.reason = ""
    if machine.error is not None:
        entry["error"] = described(machine.error, machine.scopes())
        if machine.error_at:
            entry["at"] = machine.error_at
    machine.note(entry, None)
    if status != "exhausted":  # then nothing starts, and what runs has finished
        machine.ready.clear()
        machine.opening.clear()
    machine.passing.clear()
    machine.meeting.clear()
