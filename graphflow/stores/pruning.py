"""Forgetting what is over: runs that have ended, and the history of those that go on. Never what a resume needs.

>>> from graphflow.stores import MemoryStore
>>> prune_runs(MemoryStore(), older_s=30 * 86_400)
[]
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress

from graphflow.core import snapshots
from graphflow.core.journal import Entry, decode, encode, pruned_before
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.errors import RunBusy, RunNotFound, StoreError
from graphflow.graph.restored import is_exact
from graphflow.stores.store import RunRow, Store

OVER = ("done", "cancelled")
"""Nothing can go on from these."""
ENDED = (*OVER, "failed", "exhausted")
"""These have ended; of the last two a resume could make more (S14.3), so they are forgotten only by name."""


def prune_runs(
    store: Store,
    *,
    older_s: float | None = None,
    keep: int | None = None,
    most_bytes: int | None = None,
    status: Collection[str] = OVER,
) -> list[str]:
    """Forget runs that have ended, each as a whole, and give their ids.

    Those go whose last entry is more than ``older_s`` seconds old, and those behind the newest ``keep``; and of the rest,
    oldest first, as many as it takes until all runs of the store are at most ``most_bytes``. ``status`` says which ended
    ones may go: those that failed, or used up their budget, can be gone on with, and stay unless they are named. A run
    that somebody drives stays. Raises StoreError.
    """
    found = prunable(store, older_s=older_s, keep=keep, most_bytes=most_bytes, status=status)
    return [row.run for row in found if _is_removed(store, row)]


def prunable(
    store: Store,
    *,
    older_s: float | None = None,
    keep: int | None = None,
    most_bytes: int | None = None,
    status: Collection[str] = OVER,
) -> list[RunRow]:
    """The runs that ``prune_runs`` would forget, those that ended first first. Raises StoreError."""
    _check(older_s, keep, most_bytes, status)
    rows = [row for row in store.rows(status=status) if not row.is_driven]
    rows.sort(key=lambda row: row.updated)
    until = -1.0 if older_s is None else time.time() - older_s
    surplus = 0 if keep is None else len(rows) - keep
    gone = [row for number, row in enumerate(rows) if row.updated < until or number < surplus]
    if most_bytes is not None:
        sizes = store.sizes()
        size = sum(sizes.values()) - sum(sizes.get(row.run, 0) for row in gone)
        for row in rows[len(gone) :]:
            if size <= most_bytes:
                break
            size -= sizes.get(row.run, 0)
            gone.append(row)
    return gone


def _is_removed(store: Store, row: RunRow) -> bool:
    """It may have been gone on with since it was looked at, or be gone."""
    with suppress(RunBusy, RunNotFound):
        now = store.row(row.run)
        if (now.standing.seq, now.standing.status) == (row.standing.seq, row.standing.status):
            store.remove(row.run)
            return True
    return False


def prune_history(store: Store, run_id: str, plan: Plan | None = None, *, keep: int = 0) -> int:
    """Put a snapshot in the place of all but the last ``keep`` entries of a run; how many went. It may be at work.

    ``plan`` is its graph as it is now, ``graph.plan()``: types and reducers of the state come from there. What the run
    was before the snapshot is forgotten: ``run.at(seq)`` raises HistoryPruned, and path, steps and failures begin there.
    It goes on as ever, and a resume reads the snapshot and what follows. Raises RunNotFound, and StoreError where the
    graph is needed.
    """
    _check_count("keep", keep)
    journal = store.read(run_id)
    before = pruned_before(journal[:1])
    seq = before + len(journal) - keep
    if seq <= before + 1:
        return 0
    entries = [decode(text) for text in journal]
    machine = replay(_exact_plans(store, run_id, plan, entries), entries, seq)
    if store.cut(run_id, encode(snapshots.take(machine), machine.plan)):
        return seq - before - 1
    return 0


def _exact_plans(store: Store, run_id: str, plan: Plan | None, entries: Sequence[Entry]) -> dict[str, Plan]:
    """The plans of a run, if folding by them gives just what the run had: a snapshot is for good. Raises StoreError."""
    plans = store.plans(run_id, plan)
    folded = {entry["fingerprint"] for entry in entries if "fingerprint" in entry}
    if not all(is_exact(found) for name, found in plans.items() if name in folded):
        changed = "" if plan is None else " as it was when the run began, and has other types or reducers now"
        raise StoreError(
            f"The history of run {run_id!r} cannot be pruned without its graph{changed}",
            why="A snapshot takes its place, and what the state's types and reducers are is not in the store.",
            fix="Give its graph: prune_history(store, run_id, graph.plan()); or let the run end, and prune it as a whole.",
        )
    return plans


def _check(older_s: float | None, keep: int | None, most_bytes: int | None, status: Collection[str]) -> None:
    if older_s is None and keep is None and most_bytes is None:
        raise StoreError(
            "Nothing says which runs are to be forgotten",
            why="They are chosen by age, count or size.",
            fix="Give older_s= (seconds), keep= (runs) or most_bytes=.",
        )
    for name, value in (("older_s", older_s), ("keep", keep), ("most_bytes", most_bytes)):
        if value is not None:
            _check_count(name, value)
    others: Sequence[str] = [one for one in status if one not in ENDED]
    if others:
        raise StoreError(
            f"A run that is {others[0]!r} cannot be forgotten for its age",
            why="It goes on, or can. Only runs that have ended are pruned.",
            fix=f"Choose among {', '.join(ENDED)}; store.remove(run_id) forgets any other.",
        )


def _check_count(name: str, value: float) -> None:
    if isinstance(value, bool) or not 0 <= value < float("inf"):
        raise StoreError(
            f"{name}={value!r} is no bound", why="It is a number of at least 0.", fix="Give one, or leave it out."
        )
