"""Journals in a database: what SQLite and Postgres have in common. Each brings a ``Database``, and nothing else.

Entries are lines of JSON; those of one commit lie in one row. Plans are stored once for each fingerprint, as data.
Everything that writes goes through the writer's thread, in the order in which it was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from graphflow.core.journal import Brief, text_of
from graphflow.core.plan import Plan
from graphflow.errors import RunNotFound, StoreError, unknown_name
from graphflow.graph.stored import data_of, plan_of
from graphflow.stores import sharing
from graphflow.stores.committing import fenced
from graphflow.stores.database import Row
from graphflow.stores.memory import busy, taken_id
from graphflow.stores.owners import is_gone, new_owner
from graphflow.stores.store import NO_ORIGIN, GivenAnswer, Origin, RunRow, Standing
from graphflow.stores.texts import checked_id, parsed, safe, written
from graphflow.stores.writing import Batch, Commit, Told, closed

T = TypeVar("T")

_CREATE = (
    "INSERT INTO run (id, graph, fingerprint, status, seq, fence, target, model, parent, created, updated)"
    " VALUES (?, ?, ?, 'running', ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING number"
)
_ROWS = (
    "SELECT run.id, graph, fingerprint, status, seq, wake_at, standing.body, standing.state, target, model, parent,"
    " created, updated, CASE WHEN era = ? AND lease_until >= {now} THEN owner END,"
    " EXISTS (SELECT 1 FROM answer WHERE answer.run = run.number)"
    " FROM run LEFT JOIN standing ON standing.run = run.number{where} ORDER BY run.number"
)
_PLANS = (
    "SELECT plan.fingerprint, plan.body FROM run JOIN run_plan ON run_plan.run = run.number"
    " JOIN plan ON plan.fingerprint = run_plan.fingerprint WHERE run.id = ?"
)
_JOURNAL = "SELECT body FROM run JOIN journal ON journal.run = run.number WHERE run.id = ? ORDER BY last"
_ANSWERS = "SELECT answer.number, body FROM run JOIN answer ON answer.run = run.number WHERE run.id = ? ORDER BY 1"
_IS_FREE = "(owner IS NULL OR lease_until < {now} OR era <> ?)"


class SqlStore:
    """A store in a database. Made by ``SQLiteStore`` and ``PostgresStore``."""

    def __init__(self, shared: sharing.Shared, lease_s: float) -> None:
        self._let_go = sharing.let_go_with(self, shared)
        self.lease_s: float | None = lease_s
        self._lease_s = lease_s
        self._shared = shared
        self._database = shared.database
        self._leases: dict[str, tuple[int, int]] = {}  # of each run driven from here: its number, our fencing number
        self._owner = new_owner()

    @property
    def place(self) -> str:
        """Where it is: a file, or an address without its password."""
        return self._database.place

    # -- runs ----------------------------------------------------------------------------------------------------------

    def create(
        self, run_id: str, plan: Plan, origin: Origin = NO_ORIGIN, entries: Sequence[bytes | Brief] = ()
    ) -> None:
        """Make room for a new run, with the journal it begins with if it has one. Raises StoreError."""
        now = time.time()
        told = (safe(origin.target), safe(origin.model), safe(origin.parent))
        values = (checked_id(run_id), safe(plan.name), plan.fingerprint, len(entries), *told, now, now)
        body, journal = written(data_of(plan)), b"\n".join(map(text_of, entries))

        def create() -> bool:
            made = self._database.write(_CREATE, values)
            if made:
                number = made[0][0]
                self._add_plan(number, plan, body)
                if entries:
                    self._database.write("INSERT INTO journal VALUES (?, ?, ?)", (number, len(entries), journal))
            return bool(made)

        if not self._perform(create):
            raise taken_id(run_id)

    def remove(self, run_id: str) -> None:
        """Forget a run. Raises RunNotFound, and RunBusy if it has a driver."""
        self._possible(run_id)

        def remove() -> bool:
            sql = f"DELETE FROM run WHERE id = ? AND {_IS_FREE} RETURNING number"
            gone = self._database.write(sql.format(now=self._database.now), (run_id, self._database.era))
            for (number,) in gone:
                for table in ("journal", "answer", "run_plan", "standing"):
                    self._database.write(f"DELETE FROM {table} WHERE run = ?", (number,))
                self._database.write("DELETE FROM plan WHERE fingerprint NOT IN (SELECT fingerprint FROM run_plan)")
            return bool(gone)

        if not self._perform(remove) and not (self._was_freed(run_id) and self._perform(remove)):
            self.row(run_id)
            raise busy(run_id, "Stop it first, or wait for its end.")

    def row(self, run_id: str) -> RunRow:
        """What is known of a run without reading its journal. Raises RunNotFound."""
        found = self._rows(" WHERE run.id = ?", self._possible(run_id))
        if not found:
            raise self._missing(run_id)
        return found[0]

    def _possible(self, run_id: str) -> str:
        """The id, if there can be a run of that name: a database takes no others even in a question."""
        if run_id != safe(run_id):
            raise self._missing(run_id)
        return run_id

    def _missing(self, run_id: str) -> RunNotFound:
        return RunNotFound(
            f"There is no run {run_id!r} in {self.place}",
            why="Run ids are printed when a run starts.",
            fix=unknown_name(run_id, self.ids()),
        )

    def rows(self) -> list[RunRow]:
        """The runs in the store, oldest first."""
        return self._rows("")

    def _rows(self, where: str, *values: Any) -> list[RunRow]:
        sql = _ROWS.format(now=self._database.now, where=where)
        return [_row(row, self.place) for row in self._read(sql, (self._database.era, *values))]

    def ids(self) -> list[str]:
        """The runs in the store, oldest first."""
        return [run_id for (run_id,) in self._read("SELECT id FROM run ORDER BY number")]

    # -- plans ---------------------------------------------------------------------------------------------------------

    def plans(self, run_id: str, like: Plan | None = None) -> dict[str, Plan]:
        """The plans the run was driven under, by fingerprint; types come from ``like``. Raises RunNotFound."""
        rows = self._read(_PLANS, (self._possible(run_id),))
        if not rows:
            self.row(run_id)
        return {
            fingerprint: like
            if like is not None and like.fingerprint == fingerprint
            else plan_of(parsed(bytes(body), self.place), like)
            for fingerprint, body in rows
        }

    def add_plan(self, run_id: str, plan: Plan) -> None:
        """The run goes on under another plan (S16). Raises RunNotFound."""
        self._possible(run_id)
        body = written(data_of(plan))

        def add() -> bool:
            sql = "UPDATE run SET fingerprint = ?, graph = ? WHERE id = ? RETURNING number"
            found = self._database.write(sql, (plan.fingerprint, safe(plan.name), run_id))
            for (number,) in found:
                self._add_plan(number, plan, body)
            return bool(found)

        if not self._perform(add):
            self.row(run_id)

    def _add_plan(self, number: int, plan: Plan, body: bytes) -> None:
        self._database.write("INSERT INTO plan VALUES (?, ?) ON CONFLICT DO NOTHING", (plan.fingerprint, body))
        self._database.write("INSERT INTO run_plan VALUES (?, ?) ON CONFLICT DO NOTHING", (number, plan.fingerprint))

    # -- driving -------------------------------------------------------------------------------------------------------

    def acquire(self, run_id: str) -> None:
        """Become the run's only driver. Raises RunBusy at once if there is one, RunNotFound (S18)."""
        sql = (
            f"UPDATE run SET fence = fence + 1, owner = ?, lease_until = {{now}} + ?, era = ? WHERE id = ? AND {_IS_FREE}"
            " RETURNING number, fence"
        ).format(now=self._database.now)
        era, run_id = self._database.era, self._possible(run_id)
        values = (self._owner, self._lease_s, era, run_id, era)
        found = self._perform(lambda: self._database.write(sql, values))
        if not found and self._was_freed(run_id):
            found = self._perform(lambda: self._database.write(sql, values))
        if not found:
            self.row(run_id)
            raise busy(run_id, f"Wait for it to end; one that died lets go of it {self._lease_s:g} s later.")
        self._leases[run_id] = (found[0][0], found[0][1])

    def _was_freed(self, run_id: str) -> bool:
        """A driver whose process is known to have ended lets go of its run at once, not when its lease does."""
        held = self._read("SELECT number, owner, fence FROM run WHERE id = ? AND owner IS NOT NULL", (run_id,))
        freed = [(number, owner, fence) for number, owner, fence in held if is_gone(owner)]
        sql = "UPDATE run SET owner = NULL, lease_until = NULL WHERE number = ? AND owner = ? AND fence = ?"
        for values in freed:
            self._perform(partial(self._database.write, sql, values))
        return bool(freed)

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> Commit:
        """Hand over entries for the end of a run's journal. Awaiting the ticket raises Fenced or StoreUnavailable."""
        self._check()
        lease = self._leases.get(run_id)
        if lease is None:
            raise fenced(run_id)
        told = None if standing is None else _told(standing)
        text = text_of(entries[0]) if len(entries) == 1 else b"\n".join(map(text_of, entries))
        return self._shared.writer.put(Batch(run_id, *lease, self._lease_s, text, len(entries), told, taken))

    def release(self, run_id: str) -> None:
        """The driver is gone. One that has lost its lease has nothing to release."""
        lease = self._leases.pop(run_id, None)
        if lease is not None:
            sql = "UPDATE run SET owner = NULL, lease_until = NULL WHERE number = ? AND fence = ?"
            self._perform(lambda: self._database.write(sql, lease))

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands. Raises RunNotFound."""
        rows = self._read(_JOURNAL, (self._possible(run_id),))
        if not rows:
            self.row(run_id)
        return [line for (body,) in rows for line in bytes(body).split(b"\n")]

    # -- answers -------------------------------------------------------------------------------------------------------

    def answer(self, run_id: str, key: str, value: Any) -> None:
        """Leave an answer for the run's driver of now or later (S10.1). Raises RunNotFound."""
        body, run_id = written([key, value]), self._possible(run_id)
        sql = "INSERT INTO answer (run, body) SELECT number, ? FROM run WHERE id = ? RETURNING number"
        if not self._perform(lambda: self._database.write(sql, (body, run_id))):
            self.row(run_id)

    def answers(self, run_id: str) -> list[GivenAnswer]:
        """The answers left for a run that no driver has taken yet, in the order they were given. Raises RunNotFound."""
        rows = self._read(_ANSWERS, (self._possible(run_id),))
        if not rows:
            self.row(run_id)
        return [GivenAnswer(number, *parsed(bytes(body), self.place)) for number, body in rows]

    # -- the place -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish what was handed over, and let go of files and connections. Closing twice is fine."""
        if self._let_go() is not None:
            self._shared.writer.drain()  # other stores go on: what was handed over by this one is still to be safe

    def _check(self) -> None:
        if not self._let_go.alive:
            raise closed(self.place)
        self._shared.check()

    def _perform(self, work: Callable[[], T]) -> T:
        """Do something in a transaction of its own, after all that was handed over before."""
        self._check()
        return self._shared.writer.call(lambda: self._database.transaction(work))

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        self._check()
        return self._database.read(sql, values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.place!r})"


def checked_lease(lease_s: float) -> float:
    """Raises StoreError unless it is a time that can pass."""
    if not 0 < lease_s < float("inf"):
        raise StoreError(
            f"A lease cannot last lease_s={lease_s!r}",
            why="It is how many seconds a driver may be silent before another may take over its run.",
            fix="Give a few seconds, or leave lease_s= out.",
        )
    return lease_s


def _told(standing: Standing) -> Told:
    more = {
        "frontier": standing.frontier,
        "questions": standing.questions,
        "usage": standing.usage,
        "error": standing.error,
    }
    state = None if standing.state is None else written(standing.state)
    return Told(standing.status, standing.wake_at, written(more), state)


def _row(row: Row, place: str) -> RunRow:
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
