"""Runs as the studio lists them: one row each, without secrets, and without any of them being imported."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Any

from graphflow.core.journal import decode
from graphflow.core.tokens import masked
from graphflow.errors import GraphflowError
from graphflow.service.spots import spot_of
from graphflow.service.standings import exact, questions_data, status_of
from graphflow.stores.store import RunRow, Store
from graphflow.studio.desk import Desk
from graphflow.studio.wording import spent, usage_of, where

_MOST = 4_096
_LONGEST = 400  # characters of an error in a list


class Rows:
    """Makes rows of a store's runs. What has to be read out of a journal is remembered for as long as it holds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = Lock()
        self._exact: OrderedDict[tuple[str, float, int], RunRow] = OrderedDict()
        self._failed_at: OrderedDict[tuple[str, float, int], str] = OrderedDict()

    def row(self, row: RunRow) -> dict[str, Any]:
        """A run as the page lists it."""
        row = self._up_to_date(row)
        standing = row.standing
        usage = standing.usage
        tokens = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
        status, failing = status_of(row), self._failing(row)
        frontier = list(dict.fromkeys(str(spot_of(cursor)) for cursor in standing.frontier))
        shown: dict[str, Any] = masked(
            {
                "run": row.run,
                "graph": row.graph,
                "status": status,
                "steps": usage.get("steps", 0),
                "seq": standing.seq,
                "created": row.created,
                "updated": row.updated,
                "frontier": frontier,
                "failing": failing,
                "where": where(status, failing, len(standing.questions), frontier),
                "spent": spent(usage_of(usage), with_steps=True),
                "questions": len(standing.questions),
                "usage": {**usage, "tokens": tokens, "usd": usage.get("usd", 0.0)},
                "model": row.model,
                "parent": row.parent or None,
                "due": standing.wake_at,
                "has_answers": row.has_answers,
                "is_driven": row.is_driven,
            }
        )
        return shown

    def _up_to_date(self, row: RunRow) -> RunRow:
        """As of its last entry: of a run whose process was killed, the store was told half a second before."""
        if status_of(row) != "stopped":
            return row
        key = _key(row)
        with self._lock:
            known = self._exact.get(key)
        if known is None:
            known = exact(self._desk.store, row)
            _remember(self._exact, key, known, self._lock)
        return replace(row, standing=known.standing)

    def _failing(self, row: RunRow) -> dict[str, str] | None:
        error = row.standing.error
        if error is None or row.standing.status != "failed":
            return None
        frontier = row.standing.frontier
        cursor = frontier[0] if len(frontier) == 1 else self._failed_cursor(row)
        what = str(error.get("what", ""))[:_LONGEST]
        return {"node": spot_of(cursor).node if cursor else "", "error": f"{error.get('type', 'error')}: {what}"}

    def _failed_cursor(self, row: RunRow) -> str:
        """Where a run of several cursors failed: its last entry tells."""
        key = _key(row)
        with self._lock:
            known = self._failed_at.get(key)
        if known is None:
            known = _last_place(self._desk.store, row.run)
            _remember(self._failed_at, key, known, self._lock)
        return known


def _last_place(store: Store, run_id: str) -> str:
    try:
        journal = store.read(run_id)
        return str(decode(journal[-1]).get("at", "")) if journal else ""
    except GraphflowError:
        return ""


def _key(row: RunRow) -> tuple[str, float, int]:
    return row.run, row.created, row.standing.seq


def _remember(known: OrderedDict[Any, Any], key: Any, value: Any, lock: Lock) -> None:
    with lock:
        known[key] = value
        while len(known) > _MOST:
            known.popitem(last=False)


__all__ = ["Rows", "questions_data"]
