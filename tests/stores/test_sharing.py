"""Stores of one place share what is open, and leave nothing open behind them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from graphflow import END, START, Graph
from graphflow.errors import Internal, StoreError
from graphflow.stores import SQLiteStore
from graphflow.testing.store_contract.place import Notes, brief, plan_of_notes


def writers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("graphflow ")]


def files_open(path: Path) -> int:
    folder = Path("/proc/self/fd")
    return sum(os.path.realpath(one).startswith(str(path)) for one in folder.iterdir())


def test_stores_of_one_file_share_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    stores = [SQLiteStore(path), SQLiteStore(str(path)), SQLiteStore(tmp_path / "." / "runs.db", lease_s=5)]
    os.link(path, tmp_path / "same.db")
    stores.append(SQLiteStore(tmp_path / "same.db"))
    assert len(writers()) == 1
    stores[0].create("run", plan_of_notes())
    for store in stores[:-1]:
        store.close()
    assert len(writers()) == 1
    assert stores[-1].ids() == ["run"]
    stores[-1].close()
    assert writers() == []


def test_another_file_of_the_same_name_is_another(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(SQLiteStore(path)) as gone:
        gone.create("run", plan_of_notes())
        for one in list(tmp_path.iterdir()):
            one.unlink()
        with closing(SQLiteStore(path)) as store:
            assert store.ids() == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files that are open are listed on Linux")
def test_a_hundred_runs_that_name_a_file_leave_none_open(tmp_path: Path) -> None:
    graph = Graph("notes", Notes)

    @graph.node
    async def rest(state: Notes) -> None: ...

    graph.edge(START, rest)
    graph.edge(rest, END)
    path = tmp_path / "runs.db"

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(graph.run(Notes(), store=str(path)))
            await asyncio.sleep(0)
            assert len(writers()) <= 1

    asyncio.run(main())
    gc.collect()
    assert files_open(tmp_path) == 0
    assert writers() == []
    with closing(SQLiteStore(path)) as store:
        assert {row.standing.status for row in store.rows()} == {"done"}
        assert len(store.rows()) == 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_fork_the_child_is_told_and_opens_its_own(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(SQLiteStore(path)) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads, which is the point
            child = os.fork()
        if not child:
            signal.alarm(30)  # a child that waits for a thread it does not have is ended
            told = b""
            for act in (
                store.ids,
                lambda: store.append("run", [brief("zombie")]),
                lambda: store.create("c", plan_of_notes()),
            ):
                try:
                    act()
                except StoreError as error:
                    told += b"told " if "forked" in error.what else b"else "
            store.close()
            own = SQLiteStore(path)
            own.create("child", plan_of_notes())
            own.close()
            os.write(writing, told)
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with open(reading, "rb") as told_by_child:
            assert told_by_child.read() == b"told told told "

        async def main() -> None:
            await store.append("run", [brief("parent")])

        asyncio.run(main())
        assert len(store.read("run")) == 1
        assert store.ids() == ["run", "child"]


def test_a_ticket_belongs_to_its_loop(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        held = threading.Event()
        store._shared.writer._queue.put(_Held(held))  # type: ignore[arg-type]

        async def first() -> object:
            return store.append("run", [brief("a")])

        async def second(ticket: object) -> None:
            with pytest.raises(Internal, match="another event loop"):
                await ticket  # type: ignore[misc]

        ticket = asyncio.run(first())
        asyncio.run(second(ticket))
        held.set()


def _Held(event: threading.Event) -> object:  # noqa: N802
    from graphflow.stores.writing import _Call

    return _Call(event.wait)


@pytest.mark.parametrize("lease_s", [0, -1, float("inf"), float("nan")])
def test_a_lease_is_a_time_that_passes(tmp_path: Path, lease_s: float) -> None:
    with pytest.raises(StoreError, match="lease_s"):
        SQLiteStore(tmp_path / "runs.db", lease_s=lease_s)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_an_error_of_who_gave_it(tmp_path: Path) -> None:
    """At once, and nobody else's commit hears of it."""
    from graphflow.stores.store import Standing

    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        store.create("run", plan_of_notes())
        store.acquire("run")
        with pytest.raises(ValueError, match="serialize"):
            store.append("run", [brief("a")], Standing(1, state={"it": object()}))
        with pytest.raises(ValueError, match="serialize"):
            store.answer("run", "ask", object())
        for name in ("", "a\0b", "\ud800"):
            with pytest.raises(StoreError, match="cannot be called"):
                store.create(name, plan_of_notes())
        assert len(store.read("run")) == 0
