"""``graphflow worker``: drives what needs a driver, leaves alone what cannot be driven."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import closing
from pathlib import Path

import pytest

from graphflow.errors import StoreUnavailable
from graphflow.service import taking
from graphflow.service.taking import News, Taker
from graphflow.service.targets import load
from graphflow.stores import SQLiteStore
from graphflow.stores.store import RunRow
from tests.cli.commands import HOLDING, Command, forget

STORE = ("--store", "runs.db")


def stopped(folder: Path, *names: str) -> None:
    """Runs that were stopped while their second node was at work."""
    (folder / "holding.py").write_text(HOLDING)

    async def stop(store: SQLiteStore) -> None:
        for name in names:
            async with asyncio.timeout(30):
                live = load("holding.py").graph.start({}, store=store, run_id=name)
                async with live:
                    while (folder / "log").read_text().count("at work") < names.index(name) + 1:
                        await asyncio.sleep(0.002)
                    await live.stop()

    (folder / "log").touch()
    with closing(SQLiteStore(folder / "runs.db")) as store:
        asyncio.run(stop(store))


def logged(folder: Path, what: str) -> int:
    return (folder / "log").read_text().splitlines().count(what)


def statuses(graphflow: Command) -> dict[str, str]:
    return {run["run"]: run["status"] for run in graphflow("runs", "list", "--json", *STORE).json["runs"]}


def test_stopped_runs_are_gone_on_with_and_nothing_is_paid_twice(graphflow: Command, folder: Path) -> None:
    """S11.1, S14.2."""
    stopped(folder, "a", "b", "c")
    assert statuses(graphflow) == {"a": "stopped", "b": "stopped", "c": "stopped"}
    (folder / "go").touch()
    said = graphflow("worker", "--once", "--at-once", "2", *STORE)
    assert said.code == 0, said.err
    assert statuses(graphflow) == {"a": "done", "b": "done", "c": "done"}
    assert [logged(folder, what) for what in ("begin", "paid", "hold", "finish")] == [3, 3, 6, 3]
    assert said.err.count("  took    ") == said.err.count("done, 3 steps") == 3
    text = graphflow("runs", "show", "a", *STORE).out
    assert re.search(r"^hold +1 +0 +0 +1 once +1 once$", text, re.MULTILINE)
    assert "Resumed 1 time: no finished step ran again." in text


def test_answered_and_due_runs_are_taken_others_are_not(graphflow: Command, folder: Path) -> None:
    """S10.3: a timer of a question is due although nobody drives the run."""
    text = (folder / "desk.py").read_text()
    (folder / "timed.py").write_text(text + "graph.edge(approve, END, after_s=0.2)\n")
    for name, target in (("asks", "desk.py"), ("answered", "desk.py"), ("timed", "timed.py")):
        assert graphflow("run", target, "--run-id", name, *STORE).code == 3
    assert graphflow("runs", "answer", "answered", "approve", "yes", *STORE).code == 0
    deadline = time.monotonic() + 30
    while statuses(graphflow)["timed"] != "done":
        assert time.monotonic() < deadline
        assert graphflow("worker", "--once", *STORE).code == 0
    assert statuses(graphflow) == {"asks": "waiting", "answered": "done", "timed": "done"}


def test_what_cannot_be_driven_is_told_and_left_and_others_go_on(graphflow: Command, folder: Path) -> None:
    (folder / "other.py").write_text((folder / "desk.py").read_text())
    for name, target in (("bad", "other.py"), ("good", "desk.py")):
        graphflow("run", target, "--run-id", name, *STORE)
        graphflow("runs", "answer", name, "approve", "yes", *STORE)
    (folder / "other.py").write_text("graph = 1 +\n")
    forget(folder)
    said = graphflow("worker", "--once", *STORE)
    assert said.code == 1
    assert "left    bad  desk  tried again in 5 s\n  [GF520] " in said.err
    assert said.err.count("GF520") == 1
    assert statuses(graphflow) == {"bad": "waiting", "good": "done"}


def test_a_run_that_fails_is_not_taken_again(graphflow: Command, folder: Path) -> None:
    stopped(folder, "a")
    (folder / "holding.py").write_text(HOLDING.replace('log("hold")', 'raise ValueError("no")'))
    forget(folder)
    said = graphflow("worker", "--once", *STORE)
    assert said.code == 0
    assert "rests   a  holding  failed\n" in said.err
    assert "ValueError: no" in said.err
    assert graphflow("worker", "--once", *STORE).err == ""


def test_what_it_does_as_json_lines(graphflow: Command, folder: Path) -> None:
    stopped(folder, "a")
    (folder / "go").touch()
    said = graphflow("worker", "--once", "--json", *STORE)
    events = [json.loads(line) for line in said.out.splitlines()]
    assert {event["schema"] for event in events} == {"graphflow.worker/1"}
    assert [(event["event"], event["run"], event["what"]) for event in events] == [
        ("took", "a", "was stopped"),
        ("rests", "a", "done, 3 steps"),
    ]
    assert said.err == ""


def test_a_run_that_its_drivers_die_of_is_held_back(folder: Path) -> None:
    """No crash loop: several drivers that died before anything came of it are a reason to wait."""
    stopped(folder, "a")
    store = SQLiteStore(folder / "runs.db")
    news: list[News] = []
    taker = Taker(store, news.append, at_once=1)
    try:
        store.acquire("a")
        store.release("a")
        assert taker._is_ours(store.row("a"))  # pyright: ignore[reportPrivateUsage]
        died = [json.dumps({"kind": "resumed", "seq": n}).encode() for n in range(5)]

        async def die() -> None:
            store.acquire("a")
            await store.append("a", died)
            store.release("a")

        asyncio.run(die())
        assert not taker._is_ours(store.row("a"))  # pyright: ignore[reportPrivateUsage]
    finally:
        store.close()


def test_a_store_that_is_away_for_a_moment_does_not_end_a_worker(
    folder: Path, graphflow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(folder, "a")
    (folder / "go").touch()
    monkeypatch.setattr(taking, "_LOOK_S", 0.001)
    ready, failures = SQLiteStore.ready, iter([True])

    def sometimes(store: SQLiteStore, now: float) -> list[RunRow]:
        if next(failures, False):
            raise StoreUnavailable("locked")
        return ready(store, now)

    monkeypatch.setattr(SQLiteStore, "ready", sometimes)
    said = graphflow("worker", "--once", *STORE)
    assert said.code == 0
    assert "waits   the store cannot be read now\n  [GF307] locked\n" in said.err
    assert "done, 3 steps" in said.err
