"""What a store needs of its database, and the tables: what SQLite and Postgres have in common.

``run`` is small and changes at every commit; what is large and seldom told stands beside it. A run's number is never
given twice, so that a driver of a run that was removed cannot write into another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]

FORMAT = 1
"""The version of the tables."""

TABLES = (
    """CREATE TABLE plan (fingerprint TEXT PRIMARY KEY, body {blob} NOT NULL)""",
    """CREATE TABLE run (
        number {key}, id TEXT NOT NULL UNIQUE, graph TEXT NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL,
        seq BIGINT NOT NULL, fence BIGINT NOT NULL, owner TEXT, lease_until {real}, era TEXT, wake_at {real},
        target TEXT NOT NULL, model TEXT NOT NULL, parent TEXT NOT NULL, created {real} NOT NULL, updated {real} NOT NULL)""",
    """CREATE TABLE standing (run BIGINT PRIMARY KEY, body {blob} NOT NULL, state {blob})""",
    """CREATE TABLE run_plan (
        run BIGINT NOT NULL, fingerprint TEXT NOT NULL REFERENCES plan, PRIMARY KEY (run, fingerprint))""",
    """CREATE TABLE journal (run BIGINT NOT NULL, last BIGINT NOT NULL, body {blob} NOT NULL, PRIMARY KEY (run, last))""",
    """CREATE TABLE answer (number {key}, run BIGINT NOT NULL, body {blob} NOT NULL)""",
    """CREATE INDEX answer_of_run ON answer (run)""",
    """CREATE INDEX run_by_status ON run (status, wake_at)""",
)


class Database(Protocol):
    """Connections to one database: one to write, used by the writer's thread alone, and one to read."""

    @property
    def place(self) -> str:
        """What a message calls it."""
        ...

    @property
    def now(self) -> str:
        """The time by which leases run, in seconds, as SQL."""
        ...

    @property
    def era(self) -> str:
        """Within what that time means anything: this start of the machine, say."""
        ...

    def write(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Perform a statement, with ``?`` for values, in the transaction that is open."""
        ...

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Perform a statement for each of these values, and say how many rows that changed."""
        ...

    def transaction(self, work: Callable[[], T]) -> T:
        """Perform ``work`` in one transaction, perhaps more than once: all or nothing. Raises StoreError."""
        ...

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Perform a query, from any thread. Raises StoreError."""
        ...

    def compact(self) -> None:
        """Give back room that is no longer needed. Raises StoreError."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...
