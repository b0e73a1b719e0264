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
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from graphflow.errors import StoreInvalid, StoreUnavailable
from graphflow.stores import sharing
from graphflow.stores.ciphers import Cipher, checked_cipher
from graphflow.stores.database import FORMAT, TABLES, Row
from graphflow.stores.sql import SqlStore, checked_lease
from graphflow.stores.sqlite_files import checked_path, prepared, told
from graphflow.stores.writing import closed

T = TypeVar("T")

_APPLICATION = 0x67666C77  # "gflw", in the header of the file
_TYPES = {"blob": "BLOB", "real": "REAL", "key": "INTEGER PRIMARY KEY AUTOINCREMENT"}
_LEAST_BYTES = 512  # the smallest page there is
_LOG_BYTES = 4 << 20  # what the write-ahead log is cut back to once a burst is over


class SQLiteStore(SqlStore):
    """Journals in a file: ``SQLiteStore("runs.db")``, made if it is not there, readable by its owner alone.

    ``lease_s`` is how long a driver may be silent before another may take over its run, ``wait_s`` how long a commit
    waits for a file that another process holds. ``cipher`` seals the secrets of states that hold some. Raises StoreInvalid for a file that is none of ours, damaged, or of a
    newer version, and StoreUnavailable where it cannot be opened. Stores of one file share its connections and their
    writer, so naming it often costs little.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SQLiteStore(f"{folder}/runs.db")
    ...     print(store.ids())
    ...     store.close()
    []
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease_s: float = 30.0,
        is_power_safe: bool = True,
        wait_s: float = 15.0,
        cipher: Cipher | None = None,
    ) -> None:
        checked_lease(lease_s)
        checked_cipher(cipher)
        file = checked_path(path)
        is_new = prepared(file)
        about = file.stat()  # by what it is, not by its name: a file that took the place of another is another
        key = ("sqlite", about.st_dev, about.st_ino, is_power_safe, wait_s)
        super().__init__(sharing.take(key, lambda: _File(file, is_power_safe, wait_s, is_new)), lease_s, cipher)


class _File:
    """The two connections to a file."""

    now = "now_s()"

    def __init__(self, path: Path, is_power_safe: bool, wait_s: float, is_new: bool) -> None:
        self.path = path
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        try:
            size = path.stat().st_size
            if 0 < size < _LEAST_BYTES:  # SQLite would take that for empty
                raise told(sqlite3.DatabaseError("file is too short for a database"), path, is_damaged=True)
            is_set_up = size > 0 and self._look()
            self._writing = self._connected(path)
            self._set_log(self._writing)
            self._writing.execute(f"PRAGMA synchronous = {'FULL' if is_power_safe else 'NORMAL'}")
            self._writing.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
            if not is_set_up:  # else it can be opened, and read, while another process holds it
                self.transaction(self._set_up)
            self._reading = self._connected(path)
        except BaseException as error:
            self.close()
            if is_new and path.exists() and not path.stat().st_size:
                path.unlink()
            if isinstance(error, sqlite3.Error):
                raise told(error, path) from None
            raise

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def era(self) -> str:
        return _era() or "wall"

    def _connected(self, name: Path | str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            name, timeout=self._wait_s, isolation_level=None, check_same_thread=False, uri=isinstance(name, str)
        )
        connection.create_function("now_s", 0, time.monotonic if _era() else time.time)
        return connection

    def _look(self) -> bool:
        """At a file that is there, without the right to change it: what is not ours stays as it is. Is it set up?"""
        looking = self._connected(f"{self.path.as_uri()}?mode=ro")
        try:
            return self._is_set_up(looking)
        finally:
            looking.close()

    def _set_log(self, connection: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:  # two that make one file: here SQLite does not wait by itself
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        if mode != "wal":
            raise StoreUnavailable(
                f"The store {self.path} cannot be kept there",
                why="Its file system has no shared memory, which the write-ahead log needs; network drives mostly do not.",
                fix="Name a file on a local disk, or use Postgres.",
            )

    def _is_set_up(self, connection: sqlite3.Connection) -> bool:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        if application == _APPLICATION and version == FORMAT:
            return True
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
        return False

    def _set_up(self) -> None:
        assert self._writing is not None
        if not self._is_set_up(self._writing):
            for table in TABLES:
                self.write(table.format(**_TYPES))
            self.write(f"PRAGMA application_id = {_APPLICATION}")
            self.write(f"PRAGMA user_version = {FORMAT}")

    def write(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        assert self._writing is not None
        return self._writing.execute(sql, values).fetchall()

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        assert self._writing is not None
        return self._writing.executemany(sql, rows).rowcount

    def transaction(self, work: Callable[[], T]) -> T:
        if self._writing is None:
            raise closed(self.place)
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                self._writing.execute("COMMIT")
            except BaseException:
                if self._writing.in_transaction:
                    self._writing.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OverflowError) as error:
            raise told(error, self.path) from error
        return result

    def compact(self) -> None:
        """Write the file anew without what is gone. It takes as long as the file is large, and its room twice."""
        if self._writing is None:
            raise closed(self.place)
        try:
            self._writing.execute("VACUUM")
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise told(error, self.path) from error

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._lock:
            if self._reading is None:
                raise closed(self.place)
            try:
                return self._reading.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise told(error, self.path) from error

    def close(self) -> None:
        with self._lock:
            for connection in (self._reading, self._writing):
                if connection is not None:
                    connection.close()
            self._reading = self._writing = None


@cache
def _era() -> str:
    """This start of the machine: what its monotonic clock counts from."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux: leases run by the wall clock
        return ""
