"""What a database is asked of runs without their journals, and how a row of it is read."""

from __future__ import annotations

from typing import Any

from graphflow.stores.database import Row
from graphflow.stores.owners import is_gone
from graphflow.stores.store import RunRow, Standing
from graphflow.stores.texts import parsed, written
from graphflow.stores.writing import Told

ROWS = (
    "SELECT run.id, graph, fingerprint, status, seq, wake_at, {body}, {state}, target, model, parent,"
    " created, updated, CASE WHEN era = ? AND lease_until >= {now} THEN owner END,"
    " EXISTS (SELECT 1 FROM answer WHERE answer.run = run.number)"
    " FROM run{standing} {where} ORDER BY run.number{end}"
)
STANDING = " LEFT JOIN standing ON standing.run = run.number"
READY = (  # each of the three is found by an index, and so is nothing else
    "WHERE run.number IN (SELECT number FROM run WHERE status = 'running'"
    " UNION SELECT number FROM run WHERE status = 'waiting' AND wake_at <= ? UNION SELECT run FROM answer)"
)
SIZES = (
    "SELECT run.id, COALESCE((SELECT SUM(LENGTH(journal.body)) FROM journal WHERE journal.run = run.number), 0)"
    " + COALESCE((SELECT LENGTH(state) FROM standing WHERE standing.run = run.number), 0) FROM run ORDER BY run.number"
)


def columns_of(standing: Standing) -> Told:
    """Where a run stands, as it is written."""
    more = {
        "frontier": standing.frontier,
        "questions": standing.questions,
        "usage": standing.usage,
        "error": standing.error,
    }
    state = None if standing.state is None else written(standing.state)
    return Told(standing.status, standing.wake_at, written(more), state)


def row_of(row: Row, place: str) -> RunRow:
    """A row of ``ROWS``."""
    run_id, graph, fingerprint, status, seq, wake_at, body, state, target, model, parent, created, updated = row[:13]
    owner, has_answers = row[13:]
    more: dict[str, Any] = {} if body is None else parsed(bytes(body), place)
    standing = Standing(
        seq,
        status,
        wake_at,
        tuple(more.get("frontier", ())),
        tuple(more.get("questions", ())),
        more.get("usage", {}),
        None if state is None else parsed(bytes(state), place),
        more.get("error"),
    )
    return RunRow(
        run_id,
        graph,
        fingerprint,
        standing,
        target,
        model,
        parent,
        created,
        updated,
        is_driven=owner is not None and not is_gone(owner),
        has_answers=bool(has_answers),
    )
