"""SQLite: the embedded default of stores on disk. One file, write-ahead log, one thread that writes.

``synchronous=FULL`` makes a commit survive the machine's power; ``is_power_safe=False`` (NORMAL) survives the process
and is quicker. Leases run by the machine's monotonic clock, which processes share and nobody sets: the wall clock may
jump. It counts within one start of the machine, so leases name it as their era.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from graphflow.errors import StoreError, StoreInvalid, StoreUnavailable
from graphflow.stores.sql import FORMAT, TABLES, Row, SqlStore

T = TypeVar("T")

_APPLICATION = 0x67666C77  # "gflw", in the header of the file
_TYPES = {"blob": "BLOB", "real": "REAL", "key": "INTEGER PRIMARY KEY AUTOINCREMENT"}
_WAIT_S = 15.0  # for a file that another process holds


class SQLiteStore(SqlStore):
    """Journals in a file: ``SQLiteStore("runs.db")``, made if it is not there, readable by its owner alone.

    ``lease_s`` is how long a driver may be silent before another may take over its run. Raises StoreInvalid for a file
    that is none of ours, damaged, or of a newer version, and StoreUnavailable where it cannot be opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SQLiteStore(f"{folder}/runs.db")
    ...     print(store.ids())
    ...     store.close()
    []
    """

    def __init__(self, path: str | os.PathLike[str], *, lease_s: float = 30.0, is_power_safe: bool = True) -> None:
        super().__init__(_File(Path(path), is_power_safe), lease_s)
        self._finalizer = weakref.finalize(self, self._writer.close)


class _File:
    """The two connections to a file."""

    def __init__(self, path: Path, is_power_safe: bool) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        is_new = _prepared(path)
        try:
            self._writing = self._connected()
            self._writing.execute(f"PRAGMA synchronous = {'FULL' if is_power_safe else 'NORMAL'}")
            self.transaction(self._set_up)
            self._reading = self._connected()
        except BaseException as error:
            self.close()
            if is_new and path.exists() and not path.stat().st_size:
                path.unlink()
            if isinstance(error, sqlite3.Error):
                raise _told(error, path) from None
            raise

    @property
    def place(self) -> str:
        return str(self.path)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    def _set_up(self) -> None:
        (application,) = self.write("PRAGMA application_id")[0]
        (version,) = self.write("PRAGMA user_version")[0]
        tables = self.write("SELECT name FROM sqlite_master WHERE type = 'table'")
        if application == _APPLICATION and version == FORMAT:
            return
        if application == _APPLICATION:
            raise StoreInvalid(
                f"{self.path} was written by {'a newer' if version > FORMAT else 'another'} version of graphflow",
                why=f"Its format is {version}; this version reads {FORMAT}. The file was left as it is.",
                fix="Open it with the version that wrote it.",
            )
        if application or tables:
            raise StoreInvalid(
                f"{self.path} is a database, but no store of graphflow's",
                why="It holds something else. The file was left as it is.",
                fix="Name another file.",
            )
        for table in TABLES:
            self.write(table.format(**_TYPES))
        self.write(f"PRAGMA application_id = {_APPLICATION}")
        self.write(f"PRAGMA user_version = {FORMAT}")

    def write(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        assert self._writing is not None
        return self._writing.execute(sql, values).fetchall()

    def transaction(self, work: Callable[[], T]) -> T:
        if self._writing is None:
            raise _closed(self.path)
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                self._writing.execute("COMMIT")
            except BaseException:
                if self._writing.in_transaction:
                    self._writing.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _told(error, self.path) from error
        return result

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._lock:
            if self._reading is None:
                raise _closed(self.path)
            try:
                return self._reading.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise _told(error, self.path) from error

    def clock(self) -> tuple[float, str]:
        era = _era()
        return (time.monotonic(), era) if era else (time.time(), "wall")

    def close(self) -> None:
        with self._lock:
            for connection in (self._reading, self._writing):
                if connection is not None:
                    connection.close()
            self._reading = self._writing = None


def _prepared(path: Path) -> bool:
    """Make the file, for its owner alone, if it is not there; the log beside it gets the same rights from SQLite."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreUnavailable(
            f"The store {path} cannot be opened", why=str(error), fix="Name a file in a folder that you may write to."
        ) from None
    return True


@cache
def _era() -> str:
    """This start of the machine: what its monotonic clock counts from."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux: leases run by the wall clock
        return ""


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _told(error: BaseException, path: Path) -> StoreError:
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGED:
        return StoreInvalid(
            f"{path} is no store that can be read",
            why=f"SQLite says: {error}. The file was left as it is.",
            fix="Name another file, or bring this one back from a copy.",
        )
    fixes = {
        sqlite3.SQLITE_BUSY: "Another process holds it: see who, and try again.",
        sqlite3.SQLITE_FULL: "Make room on the disk, and resume the run.",
        sqlite3.SQLITE_READONLY: "Make the file writable, or name another one.",
        sqlite3.SQLITE_CANTOPEN: "Name a file in a folder that you may write to.",
    }
    return StoreUnavailable(
        f"The store {path} cannot be written now"
        if code != sqlite3.SQLITE_CANTOPEN
        else f"The store {path} cannot be opened",
        why=f"SQLite says: {error}. What was committed before is safe, and nothing is half there.",
        fix=fixes.get(code, "Resume the run once the store is back."),
    )


def _closed(path: Path) -> StoreError:
    return StoreError(f"The store {path} is closed", why="close() was called on it.", fix="Open it again.")
