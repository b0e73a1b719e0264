"""Journals in a database: what SQLite and Postgres have in common. Each brings a ``Database``, and nothing else.

A commit is one transaction: it hits the run's row under the driver's fencing number or it writes nothing (S18), then the
entries go into the journal as one row, then the answers it settles are gone. Entries are lines of JSON; many lie in one
row, which is what makes a step cheap. Plans are stored once for each fingerprint, as data.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from pydantic_core import from_json, to_json

from graphflow.core.journal import Brief, text_of
from graphflow.core.plan import Plan
from graphflow.errors import Fenced, RunNotFound, StoreError, unknown_name
from graphflow.graph.stored import data_of, plan_of
from graphflow.stores.memory import busy, taken_id
from graphflow.stores.store import NO_ORIGIN, GivenAnswer, Origin, RunRow, Standing
from graphflow.stores.writing import Batch, Commit, Writer

T = TypeVar("T")
Row = tuple[Any, ...]

FORMAT = 1
"""The version of the tables."""

TABLES = (
    """CREATE TABLE plan (fingerprint TEXT PRIMARY KEY, body {blob} NOT NULL)""",
    """CREATE TABLE run (
        id TEXT PRIMARY KEY, number BIGINT NOT NULL, graph TEXT NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL,
        seq BIGINT NOT NULL, fence BIGINT NOT NULL, owner TEXT, lease_until {real}, era TEXT, wake_at {real},
        standing {blob}, state {blob}, target TEXT NOT NULL, model TEXT NOT NULL, parent TEXT NOT NULL,
        created {real} NOT NULL, updated {real} NOT NULL)""",
    """CREATE INDEX run_of_number ON run (number)""",
    """CREATE TABLE run_plan (run TEXT NOT NULL, fingerprint TEXT NOT NULL, PRIMARY KEY (run, fingerprint))""",
    """CREATE TABLE journal (run TEXT NOT NULL, last BIGINT NOT NULL, body {blob} NOT NULL, PRIMARY KEY (run, last))""",
    """CREATE TABLE answer (number {key}, run TEXT NOT NULL, question TEXT NOT NULL, body {blob} NOT NULL)""",
    """CREATE INDEX answer_of_run ON answer (run)""",
)


class Database(Protocol):
    """Connections to one database: one to write, used by the writer's thread alone, and one to read."""

    @property
    def place(self) -> str:
        """What a message calls it."""
        ...

    def write(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Perform a statement, with ``?`` for values, in the transaction that is open. Raises StoreError."""
        ...

    def transaction(self, work: Callable[[], T]) -> T:
        """Perform ``work`` in one transaction: all or nothing. Raises StoreError."""
        ...

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Perform a query, from any thread. Raises StoreError."""
        ...

    def clock(self) -> tuple[float, str]:
        """The time by which leases run, in seconds, and the era in which it means anything."""
        ...

    def close(self) -> None: ...


class SqlStore:
    """A store in a database. Made by ``SQLiteStore`` and ``PostgresStore``."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self.lease_s: float | None = lease_s
        self._lease_s = lease_s
        self._database = database
        self._fences: dict[str, int] = {}
        self._owner = secrets.token_hex(8)
        writing = _Writing(database, lease_s)
        self._writer = Writer(writing.commit, f"graphflow {database.place}", database.close)

    @property
    def place(self) -> str:
        """Where it is: a file, or an address without its password."""
        return self._database.place

    def create(
        self, run_id: str, plan: Plan, origin: Origin = NO_ORIGIN, entries: Sequence[bytes | Brief] = ()
    ) -> None:
        """Make room for a new run, with the journal it begins with if it has one. Raises StoreError."""
        now = time.time()
        row = (run_id, plan.name, plan.fingerprint, len(entries), origin.target, origin.model, origin.parent, now, now)

        def write() -> None:
            if self._database.write("SELECT 1 FROM run WHERE id = ?", (run_id,)):
                raise taken_id(run_id)
            self._database.write(
                "INSERT INTO run (number, id, graph, fingerprint, status, seq, fence, target, model, parent, created, updated)"
                " SELECT COALESCE(MAX(number), 0) + 1, ?, ?, ?, 'running', ?, 0, ?, ?, ?, ?, ? FROM run",
                row,
            )
            self._add_plan(run_id, plan)
            if entries:
                _add_entries(self._database, run_id, len(entries), entries)

        self._writer.call(lambda: self._database.transaction(write))

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> Commit:
        """Hand over entries for the end of a run's journal. Awaiting the ticket raises Fenced or StoreUnavailable."""
        return self._writer.put(Batch(run_id, self._fences.get(run_id, -1), entries, standing, taken))

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands. Raises RunNotFound."""
        rows = self._database.read("SELECT body FROM journal WHERE run = ? ORDER BY last", (run_id,))
        if not rows:
            self.row(run_id)
        return [line for (body,) in rows for line in bytes(body).split(b"\n")]

    def plans(self, run_id: str, like: Plan | None = None) -> dict[str, Plan]:
        """The plans the run was driven under, by fingerprint; types come from ``like``. Raises RunNotFound."""
        rows = self._database.read(
            "SELECT p.fingerprint, p.body FROM run_plan r JOIN plan p ON p.fingerprint = r.fingerprint WHERE r.run = ?",
            (run_id,),
        )
        if not rows:
            self.row(run_id)
        return {
            fingerprint: like
            if like is not None and like.fingerprint == fingerprint
            else plan_of(from_json(bytes(body)), like)
            for fingerprint, body in rows
        }

    def add_plan(self, run_id: str, plan: Plan) -> None:
        """The run goes on under another plan (S16)."""

        def write() -> None:
            self._add_plan(run_id, plan)
            self._database.write(
                "UPDATE run SET fingerprint = ?, graph = ? WHERE id = ?", (plan.fingerprint, plan.name, run_id)
            )

        self._writer.call(lambda: self._database.transaction(write))

    def _add_plan(self, run_id: str, plan: Plan) -> None:
        body = to_json(data_of(plan))
        self._database.write("INSERT INTO plan VALUES (?, ?) ON CONFLICT DO NOTHING", (plan.fingerprint, body))
        self._database.write("INSERT INTO run_plan VALUES (?, ?) ON CONFLICT DO NOTHING", (run_id, plan.fingerprint))

    def acquire(self, run_id: str) -> None:
        """Become the run's only driver. Raises RunBusy at once if there is one, RunNotFound (S18)."""

        def write() -> int | None:
            now, era = self._database.clock()
            rows = self._database.write(
                "UPDATE run SET fence = fence + 1, owner = ?, lease_until = ?, era = ? WHERE id = ?"
                " AND (owner IS NULL OR lease_until < ? OR era <> ?) RETURNING fence",
                (self._owner, now + self._lease_s, era, run_id, now, era),
            )
            return rows[0][0] if rows else None

        fence = self._writer.call(lambda: self._database.transaction(write))
        if fence is None:
            self.row(run_id)
            raise busy(run_id, f"Wait for it to end; one that died lets go of it {self._lease_s:g} s later.")
        self._fences[run_id] = fence

    def release(self, run_id: str) -> None:
        """The driver is gone. One that has lost its lease has nothing to release."""
        fence = self._fences.pop(run_id, None)
        if fence is not None:
            self._writer.call(
                lambda: self._database.transaction(
                    lambda: self._database.write(
                        "UPDATE run SET owner = NULL, lease_until = NULL WHERE id = ? AND fence = ?", (run_id, fence)
                    )
                )
            )

    def answer(self, run_id: str, key: str, value: Any) -> None:
        """Leave an answer for the run's driver of now or later (S10.1). Raises RunNotFound."""
        self.row(run_id)
        body = to_json(value)
        self._writer.call(
            lambda: self._database.transaction(
                lambda: self._database.write(
                    "INSERT INTO answer (run, question, body) VALUES (?, ?, ?)", (run_id, key, body)
                )
            )
        )

    def answers(self, run_id: str) -> list[GivenAnswer]:
        """The answers left for a run that no driver has taken yet, in the order they were given."""
        rows = self._database.read("SELECT number, question, body FROM answer WHERE run = ? ORDER BY number", (run_id,))
        return [GivenAnswer(number, key, from_json(bytes(body))) for number, key, body in rows]

    def row(self, run_id: str) -> RunRow:
        """What is known of a run without reading its journal. Raises RunNotFound."""
        found = self._rows(" WHERE id = ?", (run_id,))
        if not found:
            raise RunNotFound(
                f"There is no run {run_id!r} in {self.place}",
                why="Run ids are printed when a run starts.",
                fix=unknown_name(run_id, self.ids()),
            )
        return found[0]

    def rows(self) -> list[RunRow]:
        """The runs in the store, oldest first."""
        return self._rows("", ())

    def _rows(self, where: str, values: Sequence[Any]) -> list[RunRow]:
        now, era = self._database.clock()
        rows = self._database.read(
            "SELECT id, graph, fingerprint, status, seq, standing, state, target, model, parent, created, updated,"
            " owner, lease_until, era, wake_at, EXISTS (SELECT 1 FROM answer WHERE answer.run = run.id) FROM run"
            f"{where} ORDER BY number",
            values,
        )
        return [_row(row, now, era) for row in rows]

    def remove(self, run_id: str) -> None:
        """Forget a run. Raises RunNotFound, and RunBusy if it has a driver."""

        def write() -> bool:
            now, era = self._database.clock()
            gone = self._database.write(
                "DELETE FROM run WHERE id = ? AND (owner IS NULL OR lease_until < ? OR era <> ?) RETURNING id",
                (run_id, now, era),
            )
            if gone:
                for table in ("journal", "answer", "run_plan"):
                    self._database.write(f"DELETE FROM {table} WHERE run = ?", (run_id,))
                self._database.write("DELETE FROM plan WHERE fingerprint NOT IN (SELECT fingerprint FROM run_plan)")
            return bool(gone)

        if not self._writer.call(lambda: self._database.transaction(write)):
            self.row(run_id)
            raise busy(run_id, "Stop it first, or wait for its end.")

    def ids(self) -> list[str]:
        """The runs in the store, oldest first."""
        return [run_id for (run_id,) in self._database.read("SELECT id FROM run ORDER BY number")]

    def close(self) -> None:
        """Finish what was handed over, and let go of files and connections. Closing twice is fine."""
        self._writer.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.place!r})"


class _Writing:
    """What the writer's thread does: it knows the database, and not the store."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self.database = database
        self.lease_s = lease_s

    def commit(self, batches: list[Batch]) -> None:
        """One transaction for all. A batch whose driver has lost its run is left out, and says so."""

        def write() -> None:
            now, era = self.database.clock()
            fenced: set[str] = set()
            for batch in batches:
                batch.error = None  # of an attempt that was rolled back
                if batch.run in fenced or not self._is_written(batch, now, era):
                    fenced.add(batch.run)
                    batch.error = _fenced(batch.run)

        self.database.transaction(write)

    def _is_written(self, batch: Batch, now: float, era: str) -> bool:
        database, standing = self.database, batch.standing
        assign, values = "lease_until = ?, era = ?", [now + self.lease_s, era]
        if batch.entries:
            assign += ", seq = seq + ?, updated = ?"
            values += [len(batch.entries), time.time()]
        if standing is not None:
            assign += ", status = ?, wake_at = ?, standing = ?"
            values += [standing.status, standing.wake_at, _standing_text(standing)]
            if standing.state is not None:
                assign += ", state = ?"
                values.append(to_json(standing.state))
        values += [batch.run, batch.fence]
        hit = database.write(f"UPDATE run SET {assign} WHERE id = ? AND fence = ? RETURNING seq", values)
        if not hit:
            return False
        if batch.entries:
            _add_entries(database, batch.run, hit[0][0], batch.entries)
        for number in batch.taken:
            database.write("DELETE FROM answer WHERE number = ?", (number,))
        return True


def _add_entries(database: Database, run_id: str, last: int, entries: Sequence[bytes | Brief]) -> None:
    database.write("INSERT INTO journal VALUES (?, ?, ?)", (run_id, last, b"\n".join(map(text_of, entries))))


def _standing_text(standing: Standing) -> bytes:
    return to_json(
        {
            "frontier": standing.frontier,
            "questions": standing.questions,
            "usage": standing.usage,
            "error": standing.error,
        }
    )


def _row(row: Row, now: float, era: str) -> RunRow:
    run_id, graph, fingerprint, status, seq, told, state, target, model, parent, created, updated = row[:12]
    owner, lease_until, lease_era, wake_at, has_answers = row[12:]
    more: dict[str, Any] = {} if told is None else from_json(bytes(told))
    standing = Standing(
        seq,
        status,
        wake_at,
        tuple(more.get("frontier", ())),
        tuple(more.get("questions", ())),
        more.get("usage", {}),
        None if state is None else from_json(bytes(state)),
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
        is_driven=owner is not None and lease_era == era and lease_until >= now,
        has_answers=bool(has_answers),
    )


def _fenced(run_id: str) -> StoreError:
    return Fenced(
        f"This driver has lost run {run_id!r} to another",
        why="It was silent for longer than its lease, and another took over. Nothing of this step was written. (S18)",
        fix="Let the other go on; graph.resume shows where it stands once it has ended.",
    )
