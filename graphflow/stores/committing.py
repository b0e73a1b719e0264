"""One transaction for the batches of many runs: what the writer's thread does. It knows the database, and no store.

A batch hits its run's row under its driver's fencing number, or it writes nothing and its ticket says so (S18); the
others go through. Entries go into the journal as one row a commit, which is what makes a step cheap.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from graphflow.errors import Fenced, StoreUnavailable
from graphflow.stores.database import Database
from graphflow.stores.writing import Batch

_ADD_ENTRIES = "INSERT INTO journal (run, last, body) SELECT number, seq, ? FROM run WHERE number = ?"
_TELL = "UPDATE run SET status = ?, wake_at = ? WHERE number = ?"
_FORGET_STANDING = "DELETE FROM standing WHERE run = ?"
_KEEP_STANDING = (
    "INSERT INTO standing (run, body, state) VALUES (?, ?, ?) ON CONFLICT (run) DO UPDATE"
    " SET body = excluded.body, state = COALESCE(excluded.state, standing.state)"
)
_SETTLE = "DELETE FROM answer WHERE number = ? AND run = ?"


@dataclass(slots=True, eq=False)
class _Drive:
    """What one driver has handed over since the last transaction, in its order."""

    number: int
    fence: int
    batches: list[Batch]

    @property
    def count(self) -> int:
        return sum(batch.count for batch in self.batches)

    def entries(self) -> bytes:
        if len(self.batches) == 1:
            return self.batches[0].entries
        return b"\n".join(batch.entries for batch in self.batches if batch.count)


class Committing:
    """Commits batches to a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._advance = (
            f"UPDATE run SET lease_until = {database.now} + ?, seq = seq + ?, updated = COALESCE(?, updated)"
            " WHERE number = ? AND fence = ?"
        )

    def commit(self, batches: list[Batch]) -> None:
        """One transaction for all. What is refused of one run is tried again run by run: it must not stop the others."""
        drives = _by_drive(batches)
        try:
            self._commit(drives)
        except StoreUnavailable:
            raise
        except Exception:
            if len(drives) == 1:
                raise
            for drive in drives:
                try:
                    self._commit([drive])
                except Exception as error:
                    for batch in drive.batches:
                        batch.error = error

    def _commit(self, drives: list[_Drive]) -> None:
        lost: list[_Drive] = self._database.transaction(lambda: self._write(drives))
        for drive in lost:
            for batch in drive.batches:
                batch.error = fenced(batch.run_id)

    def _write(self, drives: list[_Drive]) -> list[_Drive]:
        """Returns those that have lost their run."""
        database, now = self._database, time.time()
        counts = [(drive, drive.count) for drive in drives]
        hit = database.write_many(
            self._advance,
            [
                (drive.batches[0].lease_s, count, now if count else None, drive.number, drive.fence)
                for drive, count in counts
            ],
        )
        lost: list[_Drive] = [] if hit == len(drives) else [drive for drive in drives if not self._holds(drive)]
        if lost:
            counts = [(drive, count) for drive, count in counts if drive not in lost]
        entries = [(drive.entries(), drive.number) for drive, count in counts if count]
        if entries:
            database.write_many(_ADD_ENTRIES, entries)
        for drive, _ in counts:
            self._tell(drive)
        return lost

    def _holds(self, drive: _Drive) -> bool:
        sql = "SELECT 1 FROM run WHERE number = ? AND fence = ?"
        return bool(self._database.write(sql, (drive.number, drive.fence)))

    def _tell(self, drive: _Drive) -> None:
        for batch in drive.batches:
            told = batch.told
            if told is not None:
                self._database.write(_TELL, (told.status, told.wake_at, drive.number))
                if told.state is not None:  # SQLite would find room for the new one before it lets go of the old
                    self._database.write(_FORGET_STANDING, (drive.number,))
                self._database.write(_KEEP_STANDING, (drive.number, told.body, told.state))
            for answer in batch.taken:
                self._database.write(_SETTLE, (answer, drive.number))


def _by_drive(batches: Iterable[Batch]) -> list[_Drive]:
    """In the order of their runs: two processes that lock the same rows must do it in the same order."""
    drives: dict[tuple[int, int], _Drive] = {}
    for batch in batches:
        batch.error = None
        key = (batch.number, batch.fence)
        drive = drives.get(key)
        if drive is None:
            drives[key] = _Drive(*key, [batch])
        else:
            drive.batches.append(batch)
    return sorted(drives.values(), key=lambda drive: (drive.number, drive.fence))


def fenced(run_id: str) -> Fenced:
    """A driver that has lost its run."""
    return Fenced(
        f"This driver has lost run {run_id!r} to another",
        why="It was silent for longer than its lease, and another took over. Nothing of this step was written. (S18)",
        fix="Let the other go on; graph.resume shows where it stands once it has ended.",
    )
