"""What a commit to SQLite costs, ``synchronous=FULL``: alone, beside ninety-nine other runs, and many entries at once.

And what a long history costs a resume, and ten thousand parked runs whoever looks into their store.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from measuring import RUNS, Measured, Sample, compare, timed
from pydantic_core import from_json
from steps import Count, loop_of

from graphflow.core.journal import Brief, decode
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.stores import SQLiteStore, prune_history
from graphflow.stores.store import Standing

ENTRY: Brief = ("", "search", 1, {"hits": 3, "text": "t" * 150}, 0, 2, 0.5)


@contextmanager
def store_of(runs: int) -> Generator[tuple[SQLiteStore, list[str]], None, None]:
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


def begun_again(store: SQLiteStore, run_id: str, plan: Plan) -> None:
    """What a resume does before it drives: plans, journal, fold."""
    replay(store.plans(run_id, plan), map(decode, store.read(run_id)))


@contextmanager
def long_run(steps: int) -> Generator[tuple[SQLiteStore, Plan], None, None]:
    """A store with a run of so many steps."""
    graph = loop_of(steps)
    journal = graph.run_sync(Count(), run_id="r").raw_journal
    with tempfile.TemporaryDirectory() as folder, closing(SQLiteStore(Path(folder, "runs.db"))) as store:
        store.create("r", graph.plan(), entries=journal)
        yield store, graph.plan()


def resuming() -> Measured:
    with long_run(10_000) as (store, plan):
        journal = list(store.read("r"))
        return compare(timed(lambda: begun_again(store, "r", plan)), timed(lambda: [from_json(one) for one in journal]))


def resuming_pruned() -> Measured:
    """A run of 10,000 steps whose history was pruned, as if it were one of ten."""
    with long_run(10_000) as (store, plan), long_run(10) as (short, short_plan):
        prune_history(store, "r", plan, keep=10)
        return compare(
            timed(lambda: begun_again(store, "r", plan), 50), timed(lambda: begun_again(short, "r", short_plan), 50)
        )


@contextmanager
def parked(runs: int) -> Generator[SQLiteStore, None, None]:
    """Runs that wait for a person, with 10 KB of state each."""
    question = {"id": "ask:1", "node": "ask", "text": "Go on?", "schema": {"type": "boolean"}, "due": None}
    waits = Standing(3, "waiting", 4e9, ("ask:1",), (question,), {"steps": 2}, {"text": "t" * 10_000})

    async def park(store: SQLiteStore, ids: list[str]) -> None:
        await asyncio.gather(*(store.acquired(run_id) for run_id in ids))
        tickets = [store.append(run_id, (ENTRY,), waits) for run_id in ids]
        await tickets[-1]
        await asyncio.gather(*(store.released(run_id) for run_id in ids))

    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder, "runs.db"), is_power_safe=False)
        with closing(store):
            ids = [f"r{number}" for number in range(runs)]
            plan = loop_of(10).plan()
            for run_id in ids:
                store.create(run_id, plan)
            asyncio.run(park(store, ids))
            yield store


def beside_parked(look: Callable[[SQLiteStore], object]) -> Measured:
    """Beside 10,000 parked runs as a ratio to beside a hundred."""
    with parked(10_000) as many, parked(100) as few:
        return compare(timed(lambda: look(many), 50), timed(lambda: look(few), 50))


MEASURES = {
    "resume": resuming,
    "resume_pruned": resuming_pruned,
    "worker_poll": lambda: beside_parked(lambda store: store.ready(3e9)),
    "runs_list": lambda: beside_parked(lambda store: store.rows(last=50)),
    "store_alone": lambda: compare(committing(1, 500, 1), bare(500)),
    "store_shared": lambda: in_us(committing(100, 50, 1)),
    "store_batch": lambda: in_us(committing(1, 20, 512)),
}
