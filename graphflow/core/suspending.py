"""A tool call that somebody has to approve: its cursor is suspended with a question, between records (S10.4).

The question is open as long as the cursor waits. The answer becomes a record like that of any call (S11.1): once all
questions of the cursor are answered its node is performed again over its records, in the same attempt of the same step,
and goes on behind the last of them. What is known of it is plain data in ``scope.approvals``, never altered in place:

- ``at``, the cursor, and ``attempt`` that asked: what was asked in an earlier visit is over.
- ``asked``: how many questions this visit has asked. An id is given once (S2.2), also if an attempt is made anew.
- ``used_s``: how long the attempt was at work before it waited, of its node's ``timeout_s``.
- ``open``: by id, the call and its question.
- ``answered``: when the last answer came. A timer edge that was due by then came second (S10.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from graphflow.core import changing, slots
from graphflow.core.scopes import RUNNING, WAITING, Recorded, Scope

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A call that waits to be approved: which ``agent`` wants which ``tool`` called, at which ``cursor``, and how.

    ``arguments`` are JSON-able. ``question`` is what a person reads.
    """

    agent: str
    tool: str
    cursor: str
    arguments: dict[str, Any] = field(repr=False)
    question: str = field(repr=False)


def suspend(
    machine: Machine, scope: Scope, turn: int, wanted: Sequence[tuple[str, WantedCall]], used_s: float = 0.0
) -> bool:
    """A node at work needs answers before it can go on: ``wanted`` are calls, with what each decision is recorded under.

    ``used_s`` is how long this went on since the cursor was taken. False if it is too late, and nothing has changed.
    """
    if scope.turn != turn or scope.status != RUNNING:
        return False
    machine.release_view(scope)
    used_s = round(used_s + time_used_s(scope), 6)
    for key, call in wanted:
        entry: dict[str, Any] = {"kind": "asked", "at": scope.path, "id": _next_id(scope, call), "key": key}
        entry |= {"question": call.question, "call": _told(call)}
        if scope.attempt != 1:
            entry["attempt"] = scope.attempt
        if scope.node.timeout_s is not None:
            entry["used_s"] = used_s
        machine.note(entry, scope)
        open_question(machine, scope, entry)
    return True


def open_question(machine: Machine, scope: Scope, entry: dict[str, Any]) -> None:
    """What asking changes, live and in replay."""
    before = _approvals(scope)
    answered = {"answered": before["answered"]} if "answered" in before else {}
    asked = {"key": entry["key"], "question": entry["question"], "call": entry["call"]}
    scope.approvals = {
        "at": scope.path,
        "attempt": scope.attempt,
        "asked": before.get("asked", 0) + 1,
        "used_s": entry.get("used_s", 0.0),
        "open": before.get("open", {}) | {entry["id"]: asked},
        **answered,
    }
    if scope.status == RUNNING:
        machine.running -= 1
        if scope.node.at_once is not None:
            slots.leave_gate(machine, scope)
    if scope.status != WAITING:
        scope.turn += 1
        changing.make_idle(machine, scope, WAITING)


def decide(machine: Machine, scope: Scope, question: str, is_approved: bool) -> None:
    """An answer to one of its questions: recorded; after the last one the cursor is ready again."""
    machine.note({"kind": "decided", "at": scope.path, "id": question, "approved": is_approved}, scope)
    close_question(machine, scope, question, is_approved)


def close_question(machine: Machine, scope: Scope, question: str, is_approved: bool) -> None:
    """What an answer changes, live and in replay."""
    still_open = dict(_approvals(scope)["open"])
    asked = still_open.pop(question)
    scope.approvals = _approvals(scope) | {"open": still_open}
    error = "" if is_approved else f"tool {asked['call']['tool']} was not called: it was refused"
    effects = {} if scope.effects is None else scope.effects
    scope.effects = effects | {asked["key"]: Recorded({"approved": is_approved}, {}, (), error)}
    if not still_open:
        scope.approvals["answered"] = machine.now  # in a dict that was made here
        _go_on(machine, scope)


def ask_elsewhere(machine: Machine) -> None:
    """There is an ``approve=`` now: it is asked instead, by the nodes themselves. Their questions are withdrawn."""
    for scope in [scope for scope in machine.questions() if is_suspended(scope)]:
        machine.note({"kind": "withdrawn", "at": scope.path}, scope)
        withdraw(machine, scope)


def withdraw(machine: Machine, scope: Scope) -> None:
    """Its questions are open no more, and it goes on: what withdrawing changes, live and in replay."""
    scope.approvals = _approvals(scope) | {"open": {}}
    _go_on(machine, scope)


def _go_on(machine: Machine, scope: Scope) -> None:
    """The cursor is ready again, for the rest of the same attempt."""
    scope.attempt -= 1
    if scope.attempt == 0:
        machine.spent.steps -= 1  # it is counted when it is taken
    changing.wake(machine, scope)


def is_suspended(scope: Scope) -> bool:
    """Whether a cursor that waits does so for the approval of calls."""
    return scope.node.ask is None


def open_at(scope: Scope) -> dict[str, dict[str, Any]]:
    """The calls that a suspended cursor waits for, by the ids of their questions."""
    found: dict[str, dict[str, Any]] = _approvals(scope).get("open", {})
    return found


def count_asked(scope: Scope) -> int:
    """How many questions its visit has asked so far."""
    count: int = _approvals(scope).get("asked", 0)
    return count


def time_used_s(scope: Scope) -> float:
    """How long this attempt was at work before it was suspended."""
    known = _approvals(scope)
    used_s: float = known.get("used_s", 0.0) if known.get("attempt") == scope.attempt else 0.0
    return used_s


def is_beaten(scope: Scope, due: float) -> bool:
    """Whether an answer came before a timer edge that was due while its cursor waited and nobody drove the run (S10.3)."""
    answered: float | None = _approvals(scope).get("answered")
    return answered is not None and due <= answered


def begin_anew(scope: Scope) -> None:
    """Its attempts are counted anew: what one of the same number had used counts for nothing."""
    if scope.approvals is not None:
        scope.approvals = scope.approvals | {"used_s": 0.0}


def _approvals(scope: Scope) -> dict[str, Any]:
    known = scope.approvals
    return known if known is not None and known["at"] == scope.path else {}


def _next_id(scope: Scope, call: WantedCall) -> str:
    return f"{call.cursor}/{call.tool}:{count_asked(scope) + 1}"


def _told(call: WantedCall) -> dict[str, Any]:
    data = asdict(call)
    del data["question"]
    return data
