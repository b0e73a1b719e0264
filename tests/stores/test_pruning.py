"""Pruning: what is over is forgotten, what a resume needs is not (S14.3, S15.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Context, Graph, RunFailed, append, fields, size
from graphflow.errors import HistoryPruned, RunNotFound, StoreError
from graphflow.graph.answers import Answer
from graphflow.runtime.run import Run
from graphflow.stores import MemoryStore, SQLiteStore, Store, prune_history, prune_runs
from graphflow.stores.pruning import prunable


class Part(BaseModel):
    name: str


class Notes(BaseModel):
    parts: Annotated[list[Part], append] = []
    most: Annotated[int, max] = 0
    is_good: bool | None = None
    fails: bool = False


notes = fields(Notes)


def notes_graph(*, has_more: bool = False) -> Graph[Notes]:
    graph = Graph("notes", Notes)

    @graph.node
    async def write(state: Notes, ctx: Context[Any]) -> dict[str, Any]:
        if state.fails:
            raise ValueError("as the test asks")
        got = await ctx.once("look", lambda: asyncio.sleep(0, len(state.parts)))
        return {"parts": Part(name=f"part {got}"), "most": got}

    ask = graph.ask("ask", "Good?", answer=bool, writes=notes.is_good)
    graph.edge(START, write)
    graph.edge(write, write, when=size(notes.parts) < 8, at_most=20)
    graph.edge(write, ask)
    if has_more:
        graph.edge(ask, after := graph.point("after"))
        graph.edge(after, END)
    else:
        graph.edge(ask, END)
    return graph


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "runs.db")) as made:
        yield made


def waiting(store: Store, run_id: str) -> Run[Any]:
    return notes_graph().run_sync(Notes(), store=store, run_id=run_id)


def ended(store: Store, *names: str) -> None:
    for name in names:
        waiting(store, name)
        notes_graph().resume_sync(name, store=store, answers=[Answer("ask", True)])


def failed(store: Store, name: str) -> None:
    with pytest.raises(RunFailed):
        notes_graph().run_sync(Notes(fails=True), store=store, run_id=name)


def test_a_pruned_run_goes_on_as_if_nothing_had_happened(store: Store) -> None:
    """S11.1, S15.2: state, limits and records are in the snapshot; what it was before is told to be gone."""
    whole = waiting(store, "whole")
    waiting(store, "cut")
    gone = prune_history(store, "cut", notes_graph().plan(), keep=3)
    assert gone == whole.seq - 4
    runs = [notes_graph().resume_sync(name, store=store, answers=[Answer("ask", True)]) for name in ("whole", "cut")]
    assert runs[0].state == runs[1].state
    assert (runs[0].status, runs[0].seq, runs[0].usage) == (runs[1].status, runs[1].seq, runs[1].usage)
    cut = runs[1]
    assert cut.pruned == gone
    assert runs[0].pruned == 0
    assert [step.seq for step in cut.steps] == [step.seq for step in runs[0].steps if step.seq > gone + 1]
    for seq in range(gone + 1, cut.seq + 1):
        assert cut.at(seq).state == runs[0].at(seq).state
        assert cut.at(seq).seq == seq
    for seq in (1, gone):
        with pytest.raises(HistoryPruned, match=f"at entry {seq} was pruned"):
            cut.at(seq)
    again = asyncio.run(notes_graph().rerun(cut, at=gone + 1))
    assert (again.status, again.state) == ("waiting", whole.state)


def test_history_is_pruned_again_and_again(store: Store) -> None:
    plan = notes_graph().plan()
    whole = waiting(store, "run")
    for keep, expected in ((9, whole.seq - 10), (4, 5), (4, 0), (99, 0), (0, 4), (0, 0)):
        assert prune_history(store, "run", plan, keep=keep) == expected
    assert len(store.read("run")) == 1
    assert store.row("run").standing.seq == whole.seq
    run = notes_graph().resume_sync("run", store=store, answers=[Answer("ask", True)])
    assert run.state.parts == whole.state.parts
    assert run.status == "done"


def test_a_run_at_work_is_pruned_under_its_driver(store: Store) -> None:
    """S18: who prunes is no driver, and disturbs none."""
    graph = notes_graph()

    async def main() -> Run[Any]:
        seen: list[int] = []

        def prune(event: Any) -> None:
            if event.seq in (6, 12):
                seen.append(prune_history(store, "run", graph.plan(), keep=1))

        async with graph.start(Notes(), store=store, run_id="run", observers=[prune]) as live:
            pass
        assert sum(seen) > 3
        return live.run

    run = asyncio.run(main())
    assert run.status == "waiting"
    assert run.pruned > 3
    assert len(run.journal) == run.seq - run.pruned
    assert [part.name for part in run.state.parts] == [f"part {number}" for number in range(8)]


def test_a_changed_graph_goes_on_from_a_snapshot(store: Store) -> None:
    """S16."""
    waiting(store, "run")
    prune_history(store, "run", notes_graph().plan())
    run = notes_graph(has_more=True).resume_sync("run", store=store, answers=[Answer("ask", False)])
    assert (run.status, len(run.plans)) == ("done", 2)
    assert prune_history(store, "run", notes_graph(has_more=True).plan()) > 0
    assert notes_graph().plan().fingerprint in store.plans("run")


def test_without_its_types_a_history_stays(tmp_path: Path) -> None:
    """A snapshot is for good: it is not made of what is not known."""
    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        waiting(store, "run")
        before = list(store.read("run"))
        with pytest.raises(StoreError, match="cannot be pruned without its graph"):
            prune_history(store, "run")
        assert list(store.read("run")) == before
        with pytest.raises(RunNotFound):
            prune_history(store, "runs")


def test_runs_are_pruned_by_age_and_count_and_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(store, "a", "b", "c", "d")
    waiting(store, "open")
    failed(store, "bad")
    now = max(row.updated for row in store.rows())
    monkeypatch.setattr("graphflow.stores.pruning.time.time", lambda: now + 100)
    ages = {row.run: now + 100 - row.updated for row in store.rows()}

    def names(**options: Any) -> list[str]:
        return [row.run for row in prunable(store, **options)]

    assert names(older_s=(ages["b"] + ages["c"]) / 2) == ["a", "b"]
    assert names(keep=1) == ["a", "b", "c"]
    assert names(keep=9, older_s=1_000) == []
    sizes = store.sizes()
    assert names(most_bytes=sum(sizes.values()) - 1) == ["a"]
    assert names(most_bytes=0) == ["a", "b", "c", "d"]
    assert names(keep=3, most_bytes=sum(sizes.values()) - sizes["a"] - 1) == ["a", "b"]
    assert names(keep=0, status=("failed",)) == ["bad"]
    assert prune_runs(store, keep=2) == ["a", "b"]
    assert prune_runs(store, keep=2) == []
    assert store.ids() == ["c", "d", "open", "bad"]


def test_what_somebody_drives_or_can_go_on_with_stays(store: Store) -> None:
    """S14.3, S18."""
    ended(store, "driven")
    waiting(store, "open")
    failed(store, "bad")
    store.acquire("driven")
    assert prune_runs(store, keep=0) == []
    store.release("driven")
    assert prune_runs(store, keep=0) == ["driven"]
    with pytest.raises(StoreError, match="'waiting' cannot be forgotten"):
        prune_runs(store, keep=0, status=("waiting",))
    assert store.ids() == ["open", "bad"]


@pytest.mark.parametrize("options", [{}, {"keep": -1}, {"older_s": float("nan")}, {"most_bytes": True}])
def test_a_bound_that_is_none_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(StoreError):
        prune_runs(MemoryStore(), **options)


def test_the_room_of_what_is_forgotten_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(SQLiteStore(path)) as store:
        plan = notes_graph().plan()
        for number in range(20):
            store.create(f"r{number}", plan, entries=[b'{"kind":"effect","value":"%s"}' % (b"x" * 100_000)])
        store.compact()
        assert path.stat().st_size > 2_000_000
        for run_id in store.ids():
            store.remove(run_id)
        store.compact()
        assert path.stat().st_size < 100_000
