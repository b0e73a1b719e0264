"""Postgres: many machines on one store. ``pip install graphflow-agents[postgres]``; needs Postgres 15 or newer.

Tables lie in a schema of their own, made on first use. Leases run by the server's clock: those of the machines that
drive need not agree. A connection that is lost is made again and its transaction repeated; if it was lost after COMMIT
was sent, the server is asked what became of that transaction, so nothing is written twice or taken for written. Each
transaction leaves its number in its writer's row of the table ``writer``, and that is what is read again: Postgres's own
numbers will not do, as after a crash it gives those that were in flight to others.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from graphflow.errors import StoreUnavailable
from graphflow.stores import sharing
from graphflow.stores.ciphers import Cipher, checked_cipher
from graphflow.stores.database import Row
from graphflow.stores.postgres_server import (
    REPEATED,
    Address,
    address_of,
    connected,
    is_lost,
    told,
)
from graphflow.stores.postgres_tables import set_up
from graphflow.stores.sql import SqlStore, checked_lease
from graphflow.stores.writing import closed

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")

_MOST_REPEATED = 20  # transactions that another one got in the way of
_PAUSE_S = 0.05

_COUNT = (
    "INSERT INTO writer VALUES (%s, %s, clock_timestamp()) ON CONFLICT (name) DO UPDATE"
    " SET last = excluded.last, at = excluded.at"
)
_COUNTED = (  # waits for a transaction that has not ended yet
    "INSERT INTO writer VALUES (%s, 0, clock_timestamp()) ON CONFLICT (name) DO UPDATE SET at = excluded.at RETURNING last"
)
_FORGET = "DELETE FROM writer WHERE at < clock_timestamp() - interval '1 day'"  # of processes that were killed


class PostgresStore(SqlStore):
    """Journals in a Postgres database: ``PostgresStore("postgresql://user@host/database")``.

    ``lease_s`` is how long a driver may be silent before another may take over its run, ``wait_s`` how long a commit
    waits for a server that is away, ``schema`` where the tables lie, ``cipher`` what
    seals the secrets of states that hold some. The password may stand in the address, or where
    libpq looks for it (``PGPASSWORD``, ``~/.pgpass``); no message shows it. Raises StoreInvalid for a schema that is
    none of ours or of a newer version, and StoreUnavailable where no connection can be made.
    """

    def __init__(
        self,
        address: str,
        *,
        lease_s: float = 30.0,
        schema: str = "graphflow",
        wait_s: float = 30.0,
        cipher: Cipher | None = None,
    ) -> None:
        checked_lease(lease_s)
        checked_cipher(cipher)
        found = address_of(address, schema)
        super().__init__(sharing.take(("postgres", found, wait_s), lambda: _Server(found, wait_s)), lease_s, cipher)


class _Server:
    """The two connections to a server."""

    now = "EXTRACT(EPOCH FROM clock_timestamp())::float8"
    era = "server"

    def __init__(self, address: Address, wait_s: float) -> None:
        self._address = address
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._is_closed = False
        self._name = secrets.token_hex(12)  # as a writer
        self._count = 0  # of its transactions
        self._writing: Connection | None = connected(address)
        self._reading: Connection | None = None
        try:
            set_up(self._writing, address)
            self._writing.execute(_FORGET)
        except BaseException as error:
            self._writing.close()
            raise told(error, self.place) from None

    @property
    def place(self) -> str:
        return str(self._address)

    # -- in the writer's thread ----------------------------------------------------------------------------------------

    def write(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        assert self._writing is not None
        cursor = self._writing.execute(_dialect(sql), values)
        return [] if cursor.description is None else cursor.fetchall()

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        assert self._writing is not None
        if len(rows) == 1:
            return self._writing.execute(_dialect(sql), rows[0]).rowcount
        with self._writing.cursor() as cursor:
            cursor.executemany(_dialect(sql), rows)
            return cursor.rowcount

    def transaction(self, work: Callable[[], T]) -> T:
        """Repeated while the connection is lost before its end, or another transaction is in its way."""
        deadline, repeated = time.monotonic() + self._wait_s, 0
        while True:
            self._count += 1
            attempt = _Attempt[T](self._name, self._count)
            try:
                return attempt.perform(self._open_writing(deadline), work)
            except Exception as error:
                connection = self._writing
                if connection is not None and is_lost(error, connection):
                    connection.close()
                    self._writing = None
                    if attempt.is_at_commit and self._last_committed(deadline) == attempt.number:
                        return cast("T", attempt.result)
                    if time.monotonic() > deadline:
                        raise told(error, self.place) from None
                    continue
                repeated += 1
                if getattr(error, "sqlstate", None) not in REPEATED or repeated > _MOST_REPEATED:
                    raise told(error, self.place) from None

    def _last_committed(self, deadline: float) -> int:
        """The number of our last transaction that was committed, once none is under way on a connection that was lost."""
        while True:
            connection = self._open_writing(deadline)
            try:
                ((last,),) = connection.execute(_COUNTED, (self._name,)).fetchall()
            except Exception as error:
                if not is_lost(error, connection) or time.monotonic() > deadline:
                    raise self._unknown(str(error)) from None
                connection.close()
                self._writing = None
            else:
                return int(last)

    def _unknown(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"The store {self.place} was lost while it committed",
            why=f"What became of the last transaction cannot be told. {why}",
            fix="Resume the run: it goes on from what was committed.",
        )

    def _open_writing(self, deadline: float) -> Connection:
        if self._is_closed:
            raise closed(self.place)
        pause = _PAUSE_S
        while self._writing is None:
            try:
                self._writing = connected(self._address)
            except StoreUnavailable:
                if time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
                pause = min(1.0, 2 * pause)
        return self._writing

    # -- in any thread -------------------------------------------------------------------------------------------------

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        deadline, pause = time.monotonic() + self._wait_s, 0.0
        with self._lock:
            while True:
                try:
                    return self._read_once(sql, values)
                except Exception as error:
                    lost, self._reading = self._reading, None
                    if lost is not None:
                        lost.close()
                    can_help = isinstance(error, StoreUnavailable) or (lost is not None and is_lost(error, lost))
                    if not can_help or time.monotonic() + pause > deadline:
                        raise told(error, self.place) from None
                time.sleep(pause)
                pause = min(1.0, 2 * pause or _PAUSE_S)

    def _read_once(self, sql: str, values: Sequence[Any]) -> list[Row]:
        if self._is_closed:
            raise closed(self.place)
        if self._reading is None:
            self._reading = connected(self._address)
        return self._reading.execute(_dialect(sql), values).fetchall()

    def compact(self) -> None:
        """The server does so by itself (autovacuum)."""

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            for connection in (self._reading, self._writing):
                if connection is not None:
                    connection.close()
            self._reading = self._writing = None


class _Attempt(Generic[T]):
    """One transaction of a writer. At its commit, ``result`` is what it gave."""

    def __init__(self, writer: str, number: int) -> None:
        self.writer = writer
        self.number = number
        self.is_at_commit = False
        self.result: T | None = None

    def perform(self, connection: Connection, work: Callable[[], T]) -> T:
        connection.execute("BEGIN")
        try:
            self.result = work()
            connection.execute(_COUNT, (self.writer, self.number))
            self.is_at_commit = True
            connection.execute("COMMIT")
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise
        return self.result


@lru_cache(maxsize=256)
def _dialect(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()
