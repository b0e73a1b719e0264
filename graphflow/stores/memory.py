"""The default store: journals in memory, gone with the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphflow.core.journal import Brief, Journal, decode, pruned_before
from graphflow.core.plan import Plan
from graphflow.errors import RunBusy, RunNotFound, StoreError, unknown_name
from graphflow.stores.ciphers import Cipher
from graphflow.stores.store import NO_ORIGIN, GivenAnswer, Origin, RunRow, Standing
from graphflow.stores.texts import written


@dataclass(slots=True)
class _Kept:
    plans: dict[str, Plan]
    origin: Origin
    created: float
    updated: float
    entries: list[bytes | Brief] = field(default_factory=list[bytes | Brief])
    before: int = 0  # entries that were pruned
    is_driven: bool = False
    standing: Standing | None = None
    answers: list[GivenAnswer] | None = None


class MemoryStore:
    """Journals in memory. Give one to several calls to resume a run by its id:

    >>> store = MemoryStore()
    >>> store.ids()
    []
    """

    lease_s: float | None = None
    cipher: Cipher | None = None  # in memory secrets stay what they are

    def __init__(self) -> None:
        self._runs: dict[str, _Kept] = {}
        self._answers_given = 0
        self._lock = threading.Lock()  # for what looks before it changes; adding entries is one step of Python's

    def create(
        self, run_id: str, plan: Plan, origin: Origin = NO_ORIGIN, entries: Sequence[bytes | Brief] = ()
    ) -> None:
        """Make room for a new run."""
        now = time.time()
        with self._lock:
            if run_id in self._runs:
                kept = self._runs[run_id]
                raise taken_id(run_id, "" if kept.standing is None else kept.standing.status, kept.is_driven)
            self._runs[run_id] = _Kept(
                {plan.fingerprint: plan}, origin, now, now, list(entries), pruned_before(entries)
            )

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> None:
        """Commit entries to the end of a run's journal. They are kept as they come, and written when they are read."""
        kept = self._runs[run_id]
        kept.entries.extend(entries)
        if standing is not None:
            self.tell(run_id, standing)
        if taken and kept.answers:
            with self._lock:
                kept.answers = [answer for answer in kept.answers if answer.number not in taken]

    def tell(self, run_id: str, standing: Standing) -> None:
        """Where a run stands: told when it rests, for lists; at each step that would cost more than it is worth here."""
        kept = self._runs[run_id]
        if standing.state is None and kept.standing is not None:
            standing = replace(standing, state=kept.standing.state)
        kept.standing, kept.updated = standing, time.time()

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands now. Raises RunNotFound."""
        return Journal(self._find(run_id).entries)

    def cut(self, run_id: str, snapshot: bytes) -> bool:
        """Put a snapshot in the place of all entries up to its own ``seq``. Raises RunNotFound."""
        kept = self._find(run_id)
        with self._lock:
            old, seq = kept.entries, decode(snapshot)["seq"]
            seen, passed = len(old), seq - kept.before
            if passed <= 1:
                return False
            if passed > seen:
                raise too_late(run_id, seq, kept.before + seen)
            new = [snapshot, *old[passed:seen]]  # a list of its own: who reads the old one goes on with it
            kept.entries, kept.before = new, seq - 1
            new[1 + seen - passed : 1 + seen - passed] = old[seen:]  # what a driver in another thread has added since
        return True

    def plans(self, run_id: str, like: Plan | None = None) -> dict[str, Plan]:
        """The plans the run was driven under, by fingerprint. Raises RunNotFound."""
        kept = self._find(run_id).plans
        return {one: like if like is not None and like.fingerprint == one else kept[one] for one in kept}

    def add_plan(self, run_id: str, plan: Plan) -> None:
        """The run goes on under another plan (S16)."""
        plans = self._find(run_id).plans
        plans.pop(plan.fingerprint, None)  # the last is the one it is driven under
        plans[plan.fingerprint] = plan

    def acquire(self, run_id: str) -> None:
        """Become the run's only driver. Raises RunBusy if there is one (S18)."""
        kept = self._find(run_id)
        with self._lock:
            if kept.is_driven:
                raise busy(run_id, "Wait for it, or use the handle that graph.start gave.")
            kept.is_driven = True

    def release(self, run_id: str) -> None:
        """The driver is gone."""
        kept = self._runs.get(run_id)
        if kept is not None:
            kept.is_driven = False

    def answer(self, run_id: str, key: str, value: Any) -> None:
        """Leave an answer for the run's driver of now or later (S10.1). Raises RunNotFound."""
        kept = self._find(run_id)
        with self._lock:
            self._answers_given += 1
            kept.answers = [*(kept.answers or ()), GivenAnswer(self._answers_given, key, value)]

    def answers(self, run_id: str) -> list[GivenAnswer]:
        """The answers left for a run that no driver has taken yet, in the order they were given."""
        return list(self._find(run_id).answers or ())

    def row(self, run_id: str) -> RunRow:
        """What is known of a run without reading its journal. Raises RunNotFound."""
        kept = self._find(run_id)
        plan = list(kept.plans.values())[-1]
        return RunRow(
            run_id,
            plan.name,
            plan.fingerprint,
            replace(kept.standing or Standing(0), seq=kept.before + len(kept.entries)),
            target=kept.origin.target,
            model=kept.origin.model,
            parent=kept.origin.parent,
            created=kept.created,
            updated=kept.updated,
            is_driven=kept.is_driven,
            has_answers=bool(kept.answers),
        )

    def rows(
        self, *, status: Collection[str] | None = None, graph: str | None = None, last: int | None = None
    ) -> list[RunRow]:
        """The runs in the store, oldest first, without their states; of some statuses, of a graph, the last so many."""
        found = [
            row
            for row in map(self._without_state, list(self._runs))
            if (status is None or row.standing.status in status) and (graph is None or row.graph == graph)
        ]
        return found if last is None else found[max(0, len(found) - last) :]

    def ready(self, now: float) -> list[RunRow]:
        """The runs that need a driver and have none, oldest first: stopped, answered, or due by ``now``."""
        return [
            row
            for row in self.rows(status=("running", "waiting"))
            if row.standing.seq and not row.is_driven and is_ready(row, now)
        ]

    def sizes(self) -> dict[str, int]:
        """How many bytes the runs take: journal and state."""
        return {
            run_id: sum(map(len, Journal(kept.entries)))
            + (0 if kept.standing is None or kept.standing.state is None else len(written(kept.standing.state)))
            for run_id, kept in list(self._runs.items())
        }

    def compact(self) -> None:
        """There is nothing to give back."""

    def _without_state(self, run_id: str) -> RunRow:
        row = self.row(run_id)
        return replace(row, standing=replace(row.standing, state=None))

    def remove(self, run_id: str) -> None:
        """Forget a run. Raises RunNotFound, and RunBusy if it has a driver."""
        kept = self._find(run_id)
        with self._lock:
            if kept.is_driven:
                raise busy(run_id, "Stop it first, or wait for its end.")
            self._runs.pop(run_id, None)

    def ids(self) -> list[str]:
        """The runs in the store, oldest first."""
        return list(self._runs)

    def close(self) -> None:
        """Nothing to let go of."""

    def _find(self, run_id: str) -> _Kept:
        kept = self._runs.get(run_id)
        if kept is None:
            raise RunNotFound(
                f"There is no run {run_id!r} in this store",
                why="A store in memory holds the runs of this process that were given to it.",
                fix=unknown_name(run_id, self._runs),
            )
        return kept


def is_ready(row: RunRow, now: float) -> bool:
    """Whether a run that nobody drives has something to do: it was stopped, was answered, or its time is over."""
    wake_at = row.standing.wake_at
    return row.standing.status == "running" or row.has_answers or (wake_at is not None and wake_at <= now)


def taken_id(run_id: str, status: str = "", is_driven: bool = False) -> StoreError:
    """Two runs of one id. What there is to do follows from how the other one stands."""
    resumed = f"graph.resume({run_id!r}, store=...)"
    if is_driven:
        stands = "it is being driven now (S18)"
        fix = f"Let it come to rest, as graphflow runs tail {run_id} shows; if it is not done by then, {resumed} goes on with it."
    elif status in ("done", "cancelled"):
        stands, fix = f"it is {status}", "Its result is in the store: nothing has to be run again."
    else:
        stands = f"its status is {status}" if status and status != "running" else "nobody drives it now"
        fix = f"Go on with it: {resumed}."
    return StoreError(
        f"There is a run {run_id!r} already",
        why=f"Run ids are unique in a store, and {stands}.",
        fix=f"{fix}\nFor a new run leave run_id= out, or give another one.",
    )


def too_late(run_id: str, seq: int, last: int) -> StoreError:
    """A snapshot of what has not happened."""
    return StoreError(
        f"A snapshot at entry {seq} cannot stand in the journal of run {run_id!r}",
        why=f"Its last entry is {last}.",
        fix="Fold the run's own journal: graphflow runs prune does.",
    )


def busy(run_id: str, fix: str) -> RunBusy:
    """A second driver."""
    return RunBusy(f"Run {run_id!r} is being driven already", why="A run has one driver at a time. (S18)", fix=fix)
