"""One run as its page shows it first: where it stands, what it asks, what it began with, and what can be done with it."""

from __future__ import annotations

from typing import Any

from graphflow.core.journal import SNAPSHOT
from graphflow.core.tokens import masked
from graphflow.errors import GraphflowError, TargetNotFound
from graphflow.graph.shapes import annotation_text
from graphflow.service.locating import refuse_lost
from graphflow.service.standings import questions_data
from graphflow.stores.store import RunRow
from graphflow.studio.desk import Desk
from graphflow.studio.forms import form_of
from graphflow.studio.histories import History, never_began
from graphflow.studio.replies import error_data
from graphflow.studio.rows import Rows


def page_of(history: History, desk: Desk, rows: Rows) -> dict[str, Any]:
    """The page of a run."""
    row = history.now()
    why_not = why_not_act(row, desk)
    return {
        "row": rows.row(row),
        "questions": questions_of(row),
        "input": _input(history),
        "can_act": not why_not,
        "why_not": why_not,
        "fields": [{"name": name, "type": annotation_text(spec.annotation)} for name, spec in history.plan.schema.fields.items()],
        "purpose": history.plan.purpose,
        "target": row.target,
        "parent_seq": _rerun_from(history),
        "first": history.first,
        "last": history.last,
        "problem": None,
    }  # fmt: skip


def page_without_history(row: RunRow, error: GraphflowError, desk: Desk, rows: Rows) -> dict[str, Any]:
    """The page of a run of which only its row can be read: it never began, or its journal is damaged."""
    return {
        "row": rows.row(row),
        "questions": [],
        "input": {},
        "can_act": False,
        "why_not": error.what,
        "fields": [],
        "purpose": "",
        "target": row.target,
        "parent_seq": None,
        "first": 0,
        "last": 0,
        "problem": error_data(error),
    }


def questions_of(row: RunRow) -> list[dict[str, Any]]:
    """The open questions, each with a form for its answer."""
    found: list[dict[str, Any]] = []
    for question in questions_data(row.standing):
        schema: dict[str, Any] = question.pop("answer") or {}
        call = question.get("call")
        told = {"tool": call.get("tool", ""), "arguments": call.get("arguments")} if call else None
        kind = {"kind": "approval" if call else "ask"}
        found.append(masked({**question, **kind, "call": told, "form": form_of(schema), "schema": schema}))
    return found


def why_not_act(row: RunRow, desk: Desk) -> str:
    """Why nothing can be done with a run from here, in words; empty where it can. Nothing is imported to find out."""
    if desk.is_read_only:
        return "This studio is read-only: it was started to look, not to act."
    if not row.standing.seq:
        return never_began(row.run).what
    if any(target.graph.name == row.graph for target in desk.targets):
        return ""
    try:
        refuse_lost(row)
    except TargetNotFound as lost:
        return f"{lost.what}. It can be looked at. To go on with it, start the studio with its graph: graphflow studio FILE:NAME"
    return ""


def _rerun_from(history: History) -> int | None:
    """The entry of its parent that a rerun went on from (S15.3)."""
    found = [entry["seq"] - 1 for entry in history.entries if entry["kind"] == "rerun"]
    return found[-1] if found else None


def _input(history: History) -> Any:
    """The state that the run began with; where that was pruned, the one at the first entry that is left."""
    first = history.entries[0]
    if first["kind"] != SNAPSHOT:
        return masked(first.get("state", {}))
    machine = history.moments.before(history.first + 1) if history.last > history.first else history.moments.machine
    return {} if machine is None else masked(history.plan.schema.dump_state(machine.root.read()))
