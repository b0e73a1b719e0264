"""Where the runs of a store stand, as commands tell it. A run that nobody drives any more is ``stopped``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from graphflow.errors import GraphflowError
from graphflow.runtime.standing import standing_of
from graphflow.service.stored_runs import StoredRun, read_run
from graphflow.stores.store import RunRow, Standing, Store

STATUSES = ("running", "stopped", "waiting", "done", "failed", "cancelled", "exhausted")
_LONGEST = 5_000  # entries that are folded to list a run: a matter of half a second


def status_of(row: RunRow) -> str:
    """A run's status for a reader.

    >>> status_of(RunRow("r-1", "essay", "", Standing(7))), status_of(RunRow("r-1", "essay", "", Standing(7), is_driven=True))
    ('stopped', 'running')
    """
    return "stopped" if row.standing.status == "running" and not row.is_driven else row.standing.status


def newest(store: Store, statuses: Sequence[str] | None, graph: str | None, last: int | None) -> list[RunRow]:
    """Newest first. A store knows not apart what is at work and what is stopped: both are ``running`` there."""
    if statuses is None:
        return store.rows(graph=graph, last=last)[::-1]
    kept = {"running" if status == "stopped" else status for status in statuses}
    is_exact = "running" not in kept or {"running", "stopped"} <= set(statuses)
    rows = store.rows(status=sorted(kept), graph=graph, last=last if is_exact else None)
    return [row for row in reversed(rows) if status_of(row) in statuses][:last]


def exact(store: Store, row: RunRow) -> RunRow:
    """The row of a run whose process was killed, as of its last entry: the store was told half a second before."""
    if status_of(row) != "stopped" or not 0 < row.standing.seq <= _LONGEST:
        return row
    try:
        return replace(row, standing=standing_now(read_run(store, row.run)))
    except GraphflowError:  # a journal that cannot be read is listed all the same
        return row


def standing_now(kept: StoredRun) -> Standing:
    """Where a run stands as of its last entry. Without its graph, what an answer is like is known from its driver."""
    standing = standing_of(kept.machine)
    told = {question["id"]: question["schema"] for question in kept.row.standing.questions}
    asked = tuple(
        question | {"schema": question["schema"] or told.get(question["id"], {})} for question in standing.questions
    )
    return replace(standing, questions=asked)


def is_due(row: RunRow) -> bool:
    """Whether the time of a question has passed while nobody drives its run (S10.3)."""
    due = row.standing.wake_at
    return not row.is_driven and row.standing.status == "waiting" and due is not None and due <= time.time()


def row_data(row: RunRow) -> dict[str, Any]:
    """A run as ``runs list --json`` prints it."""
    standing = row.standing
    return {
        "run": row.run,
        "graph": row.graph,
        "status": status_of(row),
        "steps": standing.usage.get("steps", 0),
        "seq": standing.seq,
        "frontier": list(standing.frontier),
        "questions": questions_data(standing),
        "usage": standing.usage,
        "error": standing.error,
        "target": row.target or None,
        "model": row.model or None,
        "parent": row.parent or None,
        "created": row.created,
        "updated": row.updated,
        "due": standing.wake_at,
        "is_driven": row.is_driven,
        "has_answers": row.has_answers,
    }


def questions_data(standing: Standing) -> list[dict[str, Any]]:
    """The open questions as ``--json`` prints them."""
    return [
        {name: question.get(key) for name, key in _QUESTION.items()}
        | ({"call": question["call"]} if "call" in question else {})
        for question in standing.questions
    ]


_QUESTION = {"id": "id", "node": "node", "text": "text", "answer": "schema", "due": "due"}
