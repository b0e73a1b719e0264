"""Journals in a database: what SQLite and Postgres have in common. Each brings a ``Database``, and nothing else.

Entries are lines of JSON; those of one commit lie in one row. Plans are stored once for each fingerprint, as data.
Everything that writes goes through the writer's thread, in the order in which it was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from graphflow.core.journal import Brief, decode, pruned_before, text_of
from graphflow.core.plan import Plan
from graphflow.errors import RunNotFound, StoreError, unknown_name
from graphflow.graph.restored import plan_of
from graphflow.graph.stored import data_of
from graphflow.stores import sharing
from graphflow.stores.ciphers import Cipher, opened, sealed
from graphflow.stores.committing import fenced
from graphflow.stores.database import Row
from graphflow.stores.listing import READY, ROWS, SIZES, STANDING, columns_of, row_of
from graphflow.stores.memory import busy, taken_id, too_late
from graphflow.stores.owners import is_gone, new_owner
from graphflow.stores.store import NO_ORIGIN, GivenAnswer, Origin, RunRow, Standing
from graphflow.stores.texts import checked_id, parsed, safe, written
from graphflow.stores.writing import Batch, Commit, Told, closed

T = TypeVar("T")

_CREATE = (
    "INSERT INTO run (id, graph, fingerprint, status, seq, fence, target, model, parent, created, updated)"
    " VALUES (?, ?, ?, 'running', ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING number"
)
_PLANS = (
    "SELECT plan.fingerprint, plan.body FROM run JOIN run_plan ON run_plan.run = run.number"
    " JOIN plan ON plan.fingerprint = run_plan.fingerprint WHERE run.id = ?"
)
_JOURNAL = "SELECT body FROM run JOIN journal ON journal.run = run.number WHERE run.id = ? ORDER BY last"
_ANSWERS = "SELECT answer.number, body FROM run JOIN answer ON answer.run = run.number WHERE run.id = ? ORDER BY 1"
_RELEASE = "UPDATE run SET owner = NULL, lease_until = NULL WHERE number = ? AND fence = ?"
_IS_FREE = "(owner IS NULL OR lease_until < {now} OR era <> ?)"

_TAKE = (
    f"UPDATE run SET fence = fence + 1, owner = ?, lease_until = {{now}} + ?, era = ? WHERE id = ? AND {_IS_FREE}"
    " RETURNING number, fence, seq"
)


class SqlStore:
    """A store in a database. Made by ``SQLiteStore`` and ``PostgresStore``."""

    def __init__(self, shared: sharing.Shared, lease_s: float, cipher: Cipher | None = None) -> None:
        self._let_go = sharing.let_go_with(self, shared)
        self.lease_s: float | None = lease_s
        self.cipher: Cipher | None = cipher
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
        seq = pruned_before(entries) + len(entries)
        values = (checked_id(run_id), safe(plan.name), plan.fingerprint, seq, *told, now, now)
        body, journal = written(data_of(plan)), self._sealed(b"\n".join(map(text_of, entries)))

        def create() -> bool:
            made = self._database.write(_CREATE, values)
            if made:
                number = made[0][0]
                self._add_plan(number, plan, body)
                if entries:
                    self._database.write("INSERT INTO journal VALUES (?, ?, ?)", (number, seq, journal))
            return bool(made)

        if not self._perform(create):
            with suppress(RunNotFound):  # it was removed at this very moment
                row = self.row(run_id)
                raise taken_id(run_id, row.standing.status, row.is_driven)
            raise taken_id(run_id)

    def remove(self, run_id: str) -> None:
        """Forget a run. Raises RunNotFound, and RunBusy if it has a driver."""
        self._possible(run_id)

        def remove() -> bool:
            for (owner,) in self._database.write("SELECT owner FROM run WHERE id = ? AND owner IS NOT NULL", (run_id,)):
                if is_gone(owner):
                    self._database.write("UPDATE run SET owner = NULL WHERE id = ? AND owner = ?", (run_id, owner))
            sql = f"DELETE FROM run WHERE id = ? AND {_IS_FREE} RETURNING number"
            gone = self._database.write(sql.format(now=self._database.now), (run_id, self._database.era))
            for (number,) in gone:
                for table in ("journal", "answer", "run_plan", "standing"):
                    self._database.write(f"DELETE FROM {table} WHERE run = ?", (number,))
                self._database.write("DELETE FROM plan WHERE fingerprint NOT IN (SELECT fingerprint FROM run_plan)")
            return bool(gone)

        if not self._perform(remove):
            self.row(run_id)
            raise busy(run_id, "Stop it first, or wait for its end.")

    def row(self, run_id: str) -> RunRow:
        """What is known of a run without reading its journal. Raises RunNotFound."""
        found = self._rows("WHERE run.id = ?", self._possible(run_id), state="standing.state")
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

    def rows(
        self, *, status: Collection[str] | None = None, graph: str | None = None, last: int | None = None
    ) -> list[RunRow]:
        """The runs in the store, oldest first, without their states; of some statuses, of a graph, the last so many."""
        asked = [] if graph is None else ["graph = ?"]
        if status is not None:
            asked.append(f"status IN ({', '.join('?' * len(status)) or 'NULL'})")
        values = [*([] if graph is None else [safe(graph)]), *(status or ())]
        where = f"WHERE {' AND '.join(asked)}" if asked else ""
        if last is None:
            return self._rows(where, *values)
        return self._rows(where, *values, max(0, last), end=" DESC LIMIT ?")[::-1]

    def ready(self, now: float) -> list[RunRow]:
        """The runs that need a driver and have none, oldest first: stopped, answered, or due by ``now``."""
        found = self._rows(READY, now, body="NULL", standing="")
        return [
            row
            for row in found
            if row.standing.seq and row.standing.status in ("running", "waiting") and not row.is_driven
        ]

    def sizes(self) -> dict[str, int]:
        """How many bytes the runs take: journal and state."""
        return {run_id: int(size) for run_id, size in self._read(SIZES)}

    def _rows(
        self,
        where: str,
        *values: Any,
        body: str = "standing.body",
        state: str = "NULL",
        standing: str = STANDING,
        end: str = "",
    ) -> list[RunRow]:
        sql = ROWS.format(now=self._database.now, where=where, body=body, state=state, standing=standing, end=end)
        return [row_of(row, self.place) for row in self._read(sql, (self._database.era, *values))]

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
        run_id = self._possible(run_id)
        self._hold(run_id, self._perform(lambda: self._take(run_id)))

    async def acquired(self, run_id: str) -> int:
        """The same without holding up the event loop; how many entries the run has."""
        run_id = self._possible(run_id)
        self._check()
        found = await self._shared.writer.ask(
            lambda: self._database.transaction(lambda: self._take(run_id)),
            lambda taken: taken and self._database.transaction(lambda: self._database.write(_RELEASE, taken[0][:2])),
        )
        return self._hold(run_id, found)

    def _take(self, run_id: str) -> list[Row]:
        """In a transaction. A driver whose process is known to have ended lets go at once, not when its lease does."""
        era, write = self._database.era, self._database.write
        sql = _TAKE.format(now=self._database.now)
        values = (self._owner, self._lease_s, era, run_id, era)
        found = write(sql, values)
        if not found:
            held = write("SELECT owner FROM run WHERE id = ? AND owner IS NOT NULL", (run_id,))
            if held and is_gone(held[0][0]):
                write("UPDATE run SET owner = NULL WHERE id = ? AND owner = ?", (run_id, held[0][0]))
                found = write(sql, values)
        return found

    def _hold(self, run_id: str, found: list[Row]) -> int:
        if not found:
            self.row(run_id)
            raise busy(run_id, f"Wait for it to end; one that died lets go of it {self._lease_s:g} s later.")
        number, fence, seq = found[0]
        self._leases[run_id] = (number, fence)
        return int(seq)

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
        told = None if standing is None else self._sealed_told(columns_of(standing))
        text = text_of(entries[0]) if len(entries) == 1 else b"\n".join(map(text_of, entries))
        if self.cipher is not None:
            text = sealed(text, self.cipher)
        return self._shared.writer.put(Batch(run_id, *lease, self._lease_s, text, len(entries), told, taken))

    def release(self, run_id: str) -> None:
        """The driver is gone. One that has lost its lease has nothing to release."""
        lease = self._leases.pop(run_id, None)
        if lease is not None:
            self._perform(lambda: self._database.write(_RELEASE, lease))

    async def released(self, run_id: str) -> None:
        """The same without holding up the event loop."""
        lease = self._leases.pop(run_id, None)
        if lease is not None:
            self._check()
            let_go = lambda: self._database.transaction(lambda: self._database.write(_RELEASE, lease))  # noqa: E731
            await self._shared.writer.ask(let_go, lambda _: None)

    def read(self, run_id: str) -> Sequence[bytes]:
        """A run's journal as it stands. Raises RunNotFound."""
        rows = self._read(_JOURNAL, (self._possible(run_id),))
        if not rows:
            self.row(run_id)
        return [line for (body,) in rows for line in self._opened(run_id, bytes(body)).split(b"\n")]

    def cut(self, run_id: str, snapshot: bytes) -> bool:
        """Put a snapshot in the place of all entries up to its own ``seq``, also while the run is driven.

        False if the journal begins there or later already. Raises RunNotFound.
        """
        seq, run_id = decode(snapshot)["seq"], self._possible(run_id)
        snapshot = self._sealed(snapshot)
        found = self._perform(lambda: self._cut(run_id, seq, snapshot))
        if found is None:
            self.row(run_id)
        return bool(found)

    def _cut(self, run_id: str, seq: int, snapshot: bytes) -> bool | None:
        """In a transaction: drop the rows before, and of the row in which it lies what is before. None: no such run."""
        write = self._database.write
        held = write(
            "UPDATE run SET seq = seq WHERE id = ? RETURNING number, seq", (run_id,)
        )  # who cuts meanwhile waits
        if not held:
            return None
        number, end = held[0]
        if seq > end:
            raise too_late(run_id, seq, end)
        begins = write("SELECT body FROM journal WHERE run = ? ORDER BY last LIMIT 1", (number,))
        if not begins or seq <= max(1, pruned_before([bytes(begins[0][0]).partition(b"\n")[0]]) + 1):
            return False
        sql = "SELECT last, body FROM journal WHERE run = ? AND last > ? ORDER BY last LIMIT 1"
        around = write(sql, (number, seq))
        for last, body in around:
            rest = bytes(body).split(b"\n")[seq - last :]
            write("UPDATE journal SET body = ? WHERE run = ? AND last = ?", (b"\n".join(rest), number, last))
        write("DELETE FROM journal WHERE run = ? AND last <= ?", (number, seq))
        write("INSERT INTO journal VALUES (?, ?, ?)", (number, seq, snapshot))
        return True

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

    # -- secrets -------------------------------------------------------------------------------------------------------

    def _sealed(self, text: bytes) -> bytes:
        return text if self.cipher is None else sealed(text, self.cipher)

    def _opened(self, run_id: str, text: bytes) -> bytes:
        return text if self.cipher is None else opened(text, self.cipher, f" (run {run_id!r} in {self.place})")

    def _sealed_told(self, told: Told) -> Told:
        if self.cipher is None:
            return told
        state = None if told.state is None else sealed(told.state, self.cipher)
        return replace(told, body=sealed(told.body, self.cipher), state=state)

    # -- the place -----------------------------------------------------------------------------------------------------

    def compact(self) -> None:
        """Give back the room that was taken by what is forgotten, where the database does not do so by itself."""
        self._check()
        self._shared.writer.call(self._database.compact)

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
