"""The tables in Postgres: made on first use, by one process at a time, in a schema of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphflow.errors import StoreInvalid
from graphflow.stores.database import FORMAT, TABLES
from graphflow.stores.postgres_server import Address

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_TYPES = {"blob": "BYTEA", "real": "DOUBLE PRECISION", "key": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"}
_MAKING = 0x67666C77  # the advisory lock under which tables are made

_WRITER = "CREATE TABLE writer (name TEXT PRIMARY KEY, last BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL)"
"""The last transaction of each writer, so that one who lost its connection at COMMIT knows what became of it."""

_COLUMNS = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"


def set_up(connection: Connection, address: Address) -> None:
    """Make the tables if they are not there. Raises StoreInvalid if something else is."""
    if _is_set_up(connection, address):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
        if _is_set_up(connection, address):
            return
        for statement in (
            f"CREATE SCHEMA IF NOT EXISTS {address.schema}",
            "CREATE TABLE format (version INT NOT NULL)",
            f"INSERT INTO format VALUES ({FORMAT})",
            *(table.format(**_TYPES) for table in TABLES),
            _WRITER,
        ):
            connection.execute(statement.encode())


def _is_set_up(connection: Connection, address: Address) -> bool:
    tables = {name for (name,) in connection.execute(_COLUMNS, (address.schema,)).fetchall()}
    if not tables:
        return False
    if "format" not in tables or "run" not in tables:
        raise StoreInvalid(
            f"The schema {address.schema} of {address} is no store of graphflow's",
            why=f"It holds other tables: {', '.join(sorted(tables)[:5])}. They were left as they are.",
            fix="Name another one: schema='graphflow_runs'.",
        )
    ((version,),) = connection.execute("SELECT version FROM format").fetchall()
    if version != FORMAT:
        raise StoreInvalid(
            f"{address} was written by {'a newer' if version > FORMAT else 'another'} version of graphflow",
            why=f"Its format is {version}; this version reads {FORMAT}. Nothing was changed.",
            fix="Open it with the version that wrote it.",
        )
    return True
