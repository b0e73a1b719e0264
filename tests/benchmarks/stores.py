"""What a commit to SQLite costs, ``synchronous=FULL``: alone, beside ninety-nine other runs, and many entries at once."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from measuring import RUNS, Measured, Sample, compare
from steps import loop_of

from graphflow.core.journal import Brief
from graphflow.stores import SQLiteStore

ENTRY: Brief = ("", "search", 1, {"hits": 3, "text": "t" * 150}, 0, 2, 0.5)


@contextmanager
def store_of(runs: int) -> Iterator[tuple[SQLiteStore, list[str]]]:
    plan = loop_of(10).plan()
    ids = [f"r{number}" for number in range(runs)]
    with tempfile.TemporaryDirectory() as folder, closing(SQLiteStore(Path(folder, "runs.db"))) as store:
        for run_id in ids:
            store.create(run_id, plan)
            store.acquire(run_id)
        yield store, ids


def committing(runs: int, commits: int, entries: int) -> Sample:
    """CPU seconds of an entry, its commit awaited before the next of its run."""

    async def drive(store: SQLiteStore, run_id: str) -> None:
        for _ in range(commits):
            await store.append(run_id, (ENTRY,) * entries)

    async def main(store: SQLiteStore, ids: list[str]) -> float:
        gc.collect()
        begun = time.process_time()
        await asyncio.gather(*(drive(store, run_id) for run_id in ids))
        return (time.process_time() - begun) / (runs * commits * entries)

    def sample() -> float:
        with store_of(runs) as (store, ids):
            return asyncio.run(main(store, ids))

    return sample


def bare(commits: int) -> Sample:
    """The same rows without a store, a thread or an event loop."""

    def sample() -> float:
        with tempfile.TemporaryDirectory() as folder:
            connection = sqlite3.connect(Path(folder, "bare.db"), isolation_level=None)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
                connection.execute(statement)
            connection.execute("CREATE TABLE run (number INTEGER PRIMARY KEY, seq INT, fence INT, lease REAL)")
            connection.execute("CREATE TABLE journal (run INT, last INT, body BLOB, PRIMARY KEY (run, last))")
            connection.execute("INSERT INTO run VALUES (1, 0, 1, 0)")
            gc.collect()
            begun = time.process_time()
            for number in range(commits):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("UPDATE run SET seq = seq + 1, lease = ? WHERE number = 1 AND fence = 1", (number,))
                connection.execute("INSERT INTO journal VALUES (1, ?, ?)", (number, b"t" * 250))
                connection.execute("COMMIT")
            spent = time.process_time() - begun
            connection.close()
            return spent / commits

    return sample


def in_us(sample: Sample) -> Measured:
    """Microseconds, as a figure of its own."""
    sample()
    us = median(sample() for _ in range(RUNS)) * 1e6
    return Measured(us, cost_us=us)


MEASURES = {
    "store_alone": lambda: compare(committing(1, 500, 1), bare(500)),
    "store_shared": lambda: in_us(committing(100, 50, 1)),
    "store_batch": lambda: in_us(committing(1, 20, 512)),
}
