"""A driver and its store: what is told once it is safe, who closes what, and what holds up the event loop (S14, S18)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.core.journal import Brief
from graphflow.errors import RunBusy, StoreUnavailable
from graphflow.graph.answers import Answer
from graphflow.runtime.events import Event, NodeStarted
from graphflow.stores import MemoryStore, SQLiteStore
from graphflow.stores.store import Standing
from graphflow.stores.writing import Commit


class Count(BaseModel):
    n: int = 0
    is_good: bool = False


count = fields(Count)


def counting(*names: str) -> Graph[Count]:
    """Nodes in a row, each of which adds one, then a question."""
    graph = Graph("count", Count)

    async def up(state: Count) -> int:
        return state.n + 1

    ask = graph.ask("ask", "Good?", answer=bool, writes=count.is_good)
    graph.chain(START, *(graph.node(up, name=name, writes=count.n) for name in names), ask, END)
    return graph


class Recording(SQLiteStore):
    """Notes what is safe; one that ``breaks`` refuses a commit."""

    breaks_at = 10**9
    safe = 0

    def append(
        self,
        run_id: str,
        entries: Sequence[bytes | Brief],
        standing: Standing | None = None,
        taken: Sequence[int] = (),
    ) -> Commit:
        if self.safe + len(entries) > self.breaks_at:
            raise StoreUnavailable("as the test asks")
        return super().append(run_id, entries, standing, taken)


def seqs(events: list[Event]) -> list[int]:
    return [event.seq for event in events if event.seq]


@pytest.mark.parametrize("durability", ["step", "batch", "exit"])
def test_observers_hear_all_in_the_order_of_the_journal(tmp_path: Path, durability: Any) -> None:
    heard: list[Event] = []
    graph = counting("a", "b", "c")
    run = graph.run_sync(Count(), store=str(tmp_path / "runs.db"), observers=[heard.append], durability=durability)
    assert seqs(heard) == list(range(1, run.seq + 1))


def test_observers_hear_of_a_step_once_it_is_safe(tmp_path: Path) -> None:
    """Commit, then tell: whoever reads the store when it is told finds the entry there."""
    with closing(SQLiteStore(tmp_path / "runs.db")) as store, closing(SQLiteStore(tmp_path / "runs.db")) as other:
        found: list[tuple[int, int]] = []

        def look(event: Event) -> None:
            found.append((event.seq, len(other.read("r"))))

        counting("a", "b", "c").run_sync(Count(), store=store, run_id="r", observers=[look])
    assert len(found) > 5
    assert all(seq <= there for seq, there in found)


def test_observers_hear_nothing_of_what_was_refused(tmp_path: Path) -> None:
    heard: list[Event] = []
    with closing(Recording(tmp_path / "runs.db")) as store:

        def watch(event: Event) -> None:
            heard.append(event)
            if isinstance(event, NodeStarted) and event.node == "b":
                store.breaks_at = 0

        with pytest.raises(StoreUnavailable):
            counting("a", "b", "c").run_sync(Count(), store=store, run_id="r", observers=[watch])
        assert seqs(heard) == list(range(1, len(store.read("r")) + 1))


def test_a_store_that_was_named_is_closed_with_its_run(tmp_path: Path) -> None:
    """Not by garbage collection: what was opened for a run alone goes with it, and the run can still be read."""
    path = tmp_path / "runs.db"
    before = set(threading.enumerate())

    async def main() -> None:
        live = counting("a").start(Count(), store=str(path), run_id="r")
        async with live:
            assert set(threading.enumerate()) - before, "a thread writes"
        assert set(threading.enumerate()) <= before, "and is gone"
        assert live.run.status == "waiting"
        assert live.run.state.n == 1
        live.answer("ask", True)  # left in the store, which is opened for it again
        assert set(threading.enumerate()) <= before

    asyncio.run(main())
    with closing(SQLiteStore(path)) as store:
        assert [answer.key for answer in store.answers("r")] == ["ask"]
        assert counting("a").resume_sync("r", store=store).status == "done"
        assert store.row("r").standing.status == "done", "a store that was given stays open"


def test_a_store_is_closed_where_its_run_is_busy(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.db")
    counting("a").run_sync(Count(), store=path, run_id="r")
    before = set(threading.enumerate())
    with closing(SQLiteStore(path, wait_s=14.0)) as store:
        store.acquire("r")
        mine = set(threading.enumerate())
        with pytest.raises(RunBusy):
            counting("a").resume_sync("r", store=path)
        assert set(threading.enumerate()) <= mine
        store.release("r")
    assert set(threading.enumerate()) <= before


def test_the_loop_goes_on_while_a_run_is_acquired(tmp_path: Path) -> None:
    """S18: a writer that is busy holds up nobody but the run that waits for it."""
    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        store.create("r", counting("a").plan())
        go_on = threading.Event()

        async def main() -> None:
            holding = asyncio.get_running_loop().run_in_executor(None, store._perform, lambda: go_on.wait(60))  # pyright: ignore[reportPrivateUsage]
            asking = asyncio.ensure_future(store.acquired("r"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not asking.done()
            go_on.set()
            assert await asking == 0
            await holding
            await store.released("r")
            assert not store.row("r").is_driven

        asyncio.run(main())


def test_a_run_whose_acquiring_is_cancelled_is_free(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        store.create("r", counting("a").plan())

        async def main() -> None:
            asking = asyncio.ensure_future(store.acquired("r"))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled()

        asyncio.run(main())
        store.acquire("r")


def test_a_store_in_memory_knows_how_its_runs_rest() -> None:
    store = MemoryStore()
    counting("a").run_sync(Count(), store=store, run_id="r")
    (row,) = store.rows()
    assert (row.standing.status, row.standing.frontier, row.is_driven) == ("waiting", ("ask:1",), False)
    assert store.row("r").standing.state == {"n": 1, "is_good": False}
    assert store.ready(1e12) == []
    store.answer("r", "ask", True)
    assert [one.run for one in store.ready(1e12)] == ["r"]


def test_steps_are_read_under_the_plan_they_were_made_with() -> None:
    """S16: a graph that has changed has other edges under the same numbers."""
    old, new = counting("a", "b"), counting("first", "second", "a", "b")
    run = old.run_sync(Count())
    before = [(step.seq, step.node, step.to) for step in run.steps]
    moved = new.resume_sync(run, answers=[Answer("ask", True)])
    assert moved.status == "done"
    assert len(moved.plans) == 2
    assert [(step.seq, step.node, step.to) for step in moved.steps][: len(before)] == before
    assert [step.to for step in moved.at(3).steps] == [step.to for step in run.at(3).steps]


def test_a_short_lease_is_renewed_well_before_its_end(tmp_path: Path) -> None:
    """S18: also if it is shorter than the time after which a driver looks for answers."""
    renewals: list[float] = []

    class Renewed(SQLiteStore):
        def append(self, run_id: str, entries: Sequence[bytes | Brief], *more: Any) -> Commit:
            if not entries:
                renewals.append(asyncio.get_running_loop().time())
            return super().append(run_id, entries, *more)

    graph = Graph("long", Count)

    @graph.node(writes=count.n)
    async def work(state: Count) -> int:
        while len(renewals) < 4:
            await asyncio.sleep(0.001)
        return len(renewals)

    graph.chain(START, work, END)
    with closing(Renewed(tmp_path / "runs.db", lease_s=0.3)) as store:
        assert graph.run_sync(Count(), store=store).state.n == 4
    assert renewals[3] - renewals[0] < 3 * 0.3  # else it was over between two of them
