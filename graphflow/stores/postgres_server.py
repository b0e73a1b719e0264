"""Connections to Postgres: an address without its password, how to connect, and what errors mean for a user."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphflow.errors import GraphflowError, StoreError, StoreUnavailable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

REPEATED = ("40001", "40P01", "23503", "23505")
"""Another transaction was in the way, and is over: the same once more goes through."""

_OLDEST = 150_000

_SETTINGS = (
    "SET search_path TO {schema}; SET statement_timeout = '60s'; SET lock_timeout = '30s';"
    # a process that was stopped in the middle holds rows of its run, which another may have to take over
    " SET idle_in_transaction_session_timeout = '10s'; SET default_transaction_isolation = 'read committed';"
    " SET synchronous_commit = on; SET client_min_messages = warning"
)
_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "graphflow",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


@dataclass(frozen=True)
class Address:
    """Where a database is. ``str`` and ``repr`` show it without what is secret."""

    shown: str
    schema: str
    settings: tuple[tuple[str, Any], ...] = field(repr=False)

    def __str__(self) -> str:
        return self.shown


def address_of(text: str, schema: str) -> Address:
    """An address as ``postgresql://user@host/database``, or as libpq's ``host=... dbname=...``. Raises StoreError."""
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise StoreError(
            "Postgres cannot be reached without psycopg",
            why="It is not installed, and graphflow does not bring it along.",
            fix="pip install 'graphflow-agents[postgres]'",
        ) from None
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise StoreError(
            f"A schema cannot be called {schema!r}",
            why="It is a name of small letters, digits and _, of at most 63 characters.",
            fix="Leave schema= out, or give another name.",
        )
    settings: dict[str, Any] = {}
    with suppress(psycopg.Error):  # its message repeats the address, and the password with it
        settings = dict(conninfo_to_dict(text))
    if not settings or _is_torn(settings):
        raise StoreError(
            "The address of the store is none that Postgres knows",
            why="It is not repeated here, as there may be a password in it.",
            fix="Write postgresql://user@host:port/database; signs like @ and / within a name or password as %40 and %2F.",
        )
    user, host, port = settings.get("user"), settings.get("host") or settings.get("hostaddr"), settings.get("port")
    shown = f"postgresql://{f'{user}@' if user else ''}{host or ''}{f':{port}' if port else ''}/{settings.get('dbname', '')}"
    return Address(shown, schema, tuple(sorted({**_DEFAULTS, **settings}.items())))


def _is_torn(settings: dict[str, Any]) -> bool:
    """Whether a sign in the password was not written as %2F or %40: then a part of it is taken for a host or a database."""
    host, port = str(settings.get("host", "")), str(settings.get("port", ""))
    is_port = not port or re.fullmatch(r"[0-9]+(,[0-9]*)*", port)
    return not is_port or "@" in host or "@" in str(settings.get("dbname", ""))


def connected(address: Address) -> Connection:
    """A new connection, with our settings. Raises StoreUnavailable, StoreError."""
    import psycopg

    connection: Connection | None = None
    try:
        connection = psycopg.connect(**dict(address.settings), autocommit=True)
        connection.execute(_SETTINGS.format(schema=address.schema).encode())
    except psycopg.Error as error:
        if connection is not None:
            connection.close()
        raise _unreachable(error, address) from None
    if connection.info.server_version < _OLDEST:
        found = connection.info.server_version // 10_000
        connection.close()
        raise StoreError(
            f"{address} is Postgres {found}", why="graphflow needs 15 or newer.", fix="Use a newer server, or SQLite."
        )
    return connection


_REFUSED = ("password", "authentication", "no pg_hba.conf entry", "role ", "does not exist", "permission denied")


def _unreachable(error: BaseException, address: Address) -> StoreError:
    said = _without_secrets(str(error), address)
    if any(word in said for word in _REFUSED):
        return StoreError(
            f"The store {address} does not let us in",
            why=f"Postgres says: {said}",
            fix="Check the user, the password and the name of the database in the address.",
        )
    return StoreUnavailable(
        f"The store {address} cannot be reached",
        why=f"Postgres says: {said}",
        fix="Check the host and the port, and that the server runs; resume the run once it does.",
    )


def _without_secrets(text: str, address: Address) -> str:
    for name, value in address.settings:
        if name in ("password", "sslpassword") and value:
            text = text.replace(str(value), "***")
    return " ".join(text.split())


def is_lost(error: BaseException, connection: Connection) -> bool:
    """Whether the connection is gone, or about to go as the server shuts down."""
    state = getattr(error, "sqlstate", None)
    return connection.closed or connection.broken or state in ("57P01", "57P02", "57P03", "25P03")


def told(error: BaseException, place: str) -> BaseException:
    """An error of Postgres's as one of ours; any other as it is."""
    import psycopg

    if isinstance(error, GraphflowError) or not isinstance(error, psycopg.Error):
        return error
    state = error.sqlstate or ""
    said = " ".join(str(error.diag.message_primary or error).split())
    if isinstance(error, psycopg.DataError) or state.startswith("54"):
        return StoreError(
            f"The store {place} cannot take that",
            why=f"Postgres says: {said}. Nothing of this step was written.",
            fix="Keep what is large in a file, and its name in the state.",
        )
    fixes = {
        "53100": "Make room on the server's disk, and resume the run.",
        "53300": "Let the server have more connections, or use fewer processes.",
        "25006": "Name the primary server: this one is read-only.",
        "42501": "Let the database's owner create the schema, or grant CREATE to this user.",
    }
    return StoreUnavailable(
        f"The store {place} cannot be written now",
        why=f"Postgres says: {said}{f' ({state})' if state else ''}. What was committed before is safe, nothing is half there.",
        fix=fixes.get(state, "Resume the run once the store is back."),
    )
