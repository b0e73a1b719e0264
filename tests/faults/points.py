"""Points that a program passes, and what happens to it at one of them: it dies, it stops, or its connection is cut.

The program puts them around its own store, whose connection it wraps: graphflow knows nothing of them.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, Self

from graphflow.core.journal import decode, text_of


class Fate:
    """What the program ``does`` where it passes a point like ``at``, a pattern, for the ``after``-th time.

    Of several patterns one is looked for after the other. ``again`` counts anew, and so on for ever. ``die`` is
    ``kill -9``, ``stop`` is SIGSTOP, ``lose`` ends the connection from the server's side. Points are
    ``node before CURSOR ATTEMPT`` (nothing of it was done), ``node in``, ``node paid`` (not recorded), ``node recorded``;
    ``append KINDS`` (a driver hands entries over); ``sql before STATEMENT`` and ``sql after STATEMENT``.
    """

    def __init__(
        self, at: str | Sequence[str] = "never", after: int = 1, does: str = "die", *, again: bool = False
    ) -> None:
        self._at = [re.compile(pattern) for pattern in ([at] if isinstance(at, str) else at)]
        self._after = self._left = after
        self._does = does
        self._again = again

    def passes(self, point: str, connection: Any = None) -> None:
        if not self._at or not self._at[0].match(point):
            return
        if len(self._at) > 1:
            del self._at[0]
            return
        self._left -= 1
        if self._left == 0:
            self._left = self._after if self._again else 0
            self._strike(connection)

    def _strike(self, connection: Any) -> None:
        if self._does == "lose":
            import psycopg

            with psycopg.connect(connection.info.dsn, password=connection.info.password, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 60000)", (connection.info.backend_pid,))
        else:
            number = signal.SIGKILL if self._does == "die" else signal.SIGSTOP
            signal.pthread_kill(threading.get_ident(), number)  # of all threads this one goes no further


def told() -> dict[str, Any]:
    """What this process was told to do."""
    found: dict[str, Any] = json.loads(os.environ["TOUR"])
    return found


@cache
def own_fate() -> Fate:
    """That of this process; it has one, however often its program is imported."""
    return Fate(**told().get("fate", {}))


class Watched:
    """A connection, or a cursor of one, whose statements are points."""

    def __init__(self, watched: Any, fate: Fate, connection: Any) -> None:
        self._watched = watched
        self._fate = fate
        self._connection = connection

    def execute(self, sql: str | bytes, *values: Any) -> Any:
        return self._perform(self._watched.execute, sql, *values)

    def executemany(self, sql: str | bytes, rows: Sequence[Any]) -> Any:
        return self._perform(self._watched.executemany, sql, rows)

    def _perform(self, method: Any, sql: str | bytes, *values: Any) -> Any:
        text = sql if isinstance(sql, str) else sql.decode()
        self._fate.passes(f"sql before {text}", self._connection)
        done = method(sql, *values)
        self._fate.passes(f"sql after {text}", self._connection)
        return done

    def cursor(self) -> Watched:
        return Watched(self._watched.cursor(), self._fate, self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._watched.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._watched, name)


def watch(store: Any, fate: Fate) -> None:
    """What drivers hand over to this store, and every statement that it writes with, are points from now on."""
    append, database = store.append, store._database

    def handed_over(run_id: str, entries: Sequence[Any], *more: Any) -> Any:
        fate.passes(f"append {' '.join(decode(text_of(entry))['kind'] for entry in entries)}")
        return append(run_id, entries, *more)

    store.append = handed_over
    if not hasattr(database, "_open_writing"):
        database._writing = Watched(database._writing, fate, database._writing)
        return
    opened = database._open_writing

    def open_writing(deadline: float) -> Any:
        found = opened(deadline)  # another one, if the last was lost
        if not isinstance(found, Watched):
            found = database._writing = Watched(found, fate, found)
        return found

    database._open_writing = open_writing
