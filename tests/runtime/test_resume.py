"""S14-S16: replay, resume, rerun, changed graphs. The journal is the truth."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from graphflow import END, FAIL, START, Context, Graph, NoWayOut, RunFailed, append, extend, fields, quorum
from graphflow.core.journal import decode, encode
from graphflow.core.reading import frontier, state_of
from graphflow.core.replay import replay
from graphflow.errors import GraphChanged, JoinFailed, RunBusy, RunError, RunNotFound, StoreError
from graphflow.stores import MemoryStore
from graphflow.testing.virtual import run_virtual


class Note(BaseModel):
    text: str = ""


class State(BaseModel):
    n: int = Field(0, ge=0)
    items: list[str] = []
    facts: Annotated[list[str], extend] = []
    notes: Annotated[list[Note], append] = []
    ratio: float = 0.0


state = fields(State)


def flaky(failing: set[str], **options: Any) -> tuple[Graph[State], list[str]]:
    graph = Graph("flaky", State)
    calls: list[str] = []

    @graph.node(writes=state.items)
    async def plan(view: State) -> list[str]:
        calls.append("plan")
        return ["a", "b", "c"]

    @graph.node(writes=state.facts)
    async def research(view: State, item: str) -> list[str]:
        calls.append(item)
        if item in failing:
            raise ConnectionError(item)
        return [item.upper()]

    @graph.node(writes=state.notes)
    async def report(view: State) -> Note:
        calls.append("report")
        return Note(text=" ".join(view.facts))

    graph.edge(START, plan)
    graph.map(plan, research, over=state.items, join=report, **options)
    graph.edge(report, END)
    return graph, calls


def test_a_failed_run_goes_on_from_where_it_failed() -> None:
    """S14.3: finished nodes and branches do not run again; what failed gets new attempts."""
    failing = {"b"}
    graph, calls = flaky(failing)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    run = caught.value.run
    assert (run.status, run.state.facts) == ("failed", [])
    failing.clear()
    done = run_virtual(graph.resume(run))
    assert (done.status, done.state.facts) == ("done", ["A", "B", "C"])
    assert (calls.count("plan"), calls.count("a"), calls.count("b")) == (1, 1, 2)


def test_a_join_that_lost_its_need_gives_the_failed_branches_new_attempts() -> None:
    """S14.3, S6.6: collected failures are tried again only if they are why the run failed."""
    failing = {"a", "b"}
    graph, calls = flaky(failing, need=quorum(2), failures="collect")
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    assert isinstance(caught.value.run.error, JoinFailed)
    failing.clear()
    done = run_virtual(graph.resume(caught.value.run))
    assert (done.status, done.state.notes) == ("done", [Note(text="A B")]), "with both done the need is met"
    assert calls == ["plan", "a", "b", "a", "b", "report"], "nothing started after the run had failed"


def test_replay_gives_the_same_run_at_every_entry_and_calls_nothing() -> None:
    """S15.2: state, path and frontier at any seq are a fold of the journal."""
    graph, calls = flaky({"b"}, failures="collect")
    store = MemoryStore()
    moments: dict[int, Any] = {}
    run = run_virtual(graph.run(State(), store=store, run_id="r"))
    before = list(calls)
    journal = [decode(line) for line in store.read("r")]
    for seq in range(1, run.seq + 1):
        machine = replay(graph.plan(), journal, seq)
        moments[seq] = (state_of(machine), frontier(machine), machine.status)
        past = run.at(seq)
        assert (past.state, past.frontier, past.status) == moments[seq]
    assert moments[run.seq] == (run.state, run.frontier, "done")
    assert calls == before
    assert run.at(2).frontier == ("plan:1",)


def test_rerun_starts_a_new_run_from_an_old_moment_with_an_edited_state() -> None:
    """S15.3: the old run is unchanged."""
    graph, calls = flaky(set())
    run = run_virtual(graph.run(State()))
    old = run.raw_journal
    step = next(s for s in run.steps if s.kind == "joined")
    again = run_virtual(graph.rerun(run, at=step.seq, state={"facts": ["edited"]}))
    assert again.id != run.id
    assert again.state.notes == [Note(text="edited")]
    assert calls.count("plan") == 1
    assert calls.count("report") == 2
    assert run.raw_journal == old
    assert again.at(again.seq).state == again.state, "its own journal folds as well"


def test_rerun_of_what_has_ended_is_refused() -> None:
    graph, _ = flaky(set())
    run = run_virtual(graph.run(State()))
    with pytest.raises(RunError, match="had ended"):
        graph.rerun(run, at=run.seq)
    with pytest.raises(RunError, match="cannot be resumed"):
        graph.resume(run)
    with pytest.raises(RunError, match="no entry 99"):
        run.at(99)


def stuck(*, mended: bool) -> tuple[Graph[State], list[str]]:
    graph = Graph("stuck", State)
    calls: list[str] = []

    @graph.node(writes=state.n)
    async def work(view: State) -> int:
        calls.append("work")
        return 5

    graph.edge(START, work)
    graph.edge(work, END, when=state.n > 7)
    if mended:
        graph.edge(work, END)
    return graph, calls


def test_adding_the_missing_edge_and_resuming_works() -> None:
    """S3.2, S16: the update is kept; the resumed run chooses again and runs nothing."""
    graph, calls = stuck(mended=False)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    assert isinstance(caught.value.run.error, NoWayOut)
    assert caught.value.run.state.n == 5
    mended, other_calls = stuck(mended=True)
    done = run_virtual(mended.resume(caught.value.run))
    assert (done.status, calls, other_calls) == ("done", ["work"], [])
    assert [entry["kind"] for entry in done.journal][-4:] == ["migrated", "resumed", "chosen", "ended"]
    assert done.at(done.seq).status == "done", "a migrated journal folds under both plans"


def test_a_changed_graph_that_the_run_does_not_survive_is_refused_with_the_differences() -> None:
    """S16: nothing live may vanish; a renamed node is never finished."""

    class Other(BaseModel):
        n: str = ""
        facts: Annotated[list[str], extend] = []
        notes: Annotated[list[Note], append] = []
        ratio: float = 0.0

    other = fields(Other)
    graph, _ = stuck(mended=False)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    changed = Graph("stuck", Other)

    @changed.node(name="renamed", writes=other.n)
    async def work(view: Other) -> str:
        return ""

    changed.edge(START, work)
    changed.edge(work, END)
    with pytest.raises(GraphChanged) as refused:
        changed.resume(caught.value.run)
    text = str(refused.value)
    assert "The field 'n' was int and is str." in text
    assert "The field 'items' is gone." in text
    assert "The run stands at node 'work' (work:1), which is gone." in text


def test_migrate_makes_the_new_state_from_the_old_one() -> None:
    """S16: what changed its type is given by a function of the old fields."""

    class Renamed(BaseModel):
        count: int

    renamed = fields(Renamed)
    graph, _ = stuck(mended=False)
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    changed = Graph("stuck", Renamed)

    @changed.node(writes=renamed.count)
    async def work(view: Renamed) -> int:
        raise AssertionError("it is done already")

    changed.edge(START, work)
    changed.edge(work, END)
    done = run_virtual(changed.resume(caught.value.run, migrate=lambda old: {"count": old["n"]}))
    assert (done.status, done.state.count) == ("done", 5)


def test_a_way_to_fail_fails_the_run_with_its_reason() -> None:
    """S1.1: FAIL is an end with a reason."""
    graph = Graph("fail", State)

    @graph.node
    async def look(view: State) -> None: ...

    graph.edge(START, look)
    graph.edge(look, FAIL("too few results"))
    with pytest.raises(RunFailed, match="too few results") as caught:
        run_virtual(graph.run(State()))
    assert caught.value.run.status == "failed"


def test_stores_say_what_they_do_not_have() -> None:
    graph, _ = flaky(set())
    with pytest.raises(RunNotFound, match="r-2"):
        graph.resume("r-2", store=MemoryStore())
    with pytest.raises(StoreError, match="without its store"):
        graph.resume("r-2")
    with pytest.raises(StoreError, match=r"runs\.db"):
        graph.run(State(), store="no such folder/runs.db")
    store = MemoryStore()
    run_virtual(graph.run(State(), store=store, run_id="r"))
    with pytest.raises(StoreError, match="already"):
        graph.run(State(), store=store, run_id="r")


def test_a_run_has_one_driver_at_a_time() -> None:
    """S18, as far as one process goes."""
    graph, _ = flaky(set())
    store = MemoryStore()

    async def main() -> None:
        async with graph.start(State(), store=store, run_id="r"):
            with pytest.raises(RunBusy):
                await graph.resume("r", store=store)

    run_virtual(main())


@pytest.mark.parametrize("text", ["plain", "\ud800 lone", "‮ right to left", "\x00", "</script>", "😀"])
def test_any_text_survives_the_journal(text: str) -> None:
    """A journal is JSON, and any text survives it, lone surrogates included."""
    graph, _ = flaky(set())
    entry = {"seq": 1, "t": 0.0, "kind": "effect", "value": text}
    assert decode(encode(entry, graph.plan())) == entry


def test_infinities_survive_the_journal() -> None:
    """S1.1: the state's round trip is exact, also where JSON has no word for it."""
    graph = Graph("inf", State)

    @graph.node(writes=state.ratio)
    async def divide(view: State) -> float:
        return float("inf")

    graph.edge(START, divide)
    graph.edge(divide, END)
    run = run_virtual(graph.run(State()))
    assert run.at(run.seq).state.ratio == float("inf")


class OutOfStock(Exception):
    """A user's own error, with needs of its own."""

    def __init__(self, item: str, *, left: int) -> None:
        super().__init__(f"{item}: {left} left")


def test_a_join_tells_errors_apart_after_a_resume_as_it_did_before() -> None:
    """S14.3, S15.2: an error's class is kept in the journal, where the process knows it."""
    graph = Graph("shop", State)
    is_up: list[bool] = []

    @graph.node(writes=state.facts)
    async def look(view: State, item: str) -> list[str]:
        if item == "pear":
            raise OutOfStock(item, left=0)
        raise ConnectionRefusedError(item)

    @graph.node(writes=state.facts)
    async def tell(view: State, ctx: Context) -> list[str]:
        if not is_up:
            raise ValueError("not yet")
        sold_out = [branch.item for branch in ctx.branches if isinstance(branch.error, OutOfStock)]
        offline = [branch.item for branch in ctx.branches if isinstance(branch.error, ConnectionError)]
        return [*sold_out, "|", *offline]

    begin = graph.point("begin")
    graph.edge(START, begin)
    graph.map(begin, look, over=lambda view: ["apple", "pear"], join=tell, failures="collect")
    graph.edge(tell, END)
    with pytest.raises(RunFailed) as failed:
        graph.run_sync(State())
    is_up.append(True)
    run = graph.resume_sync(failed.value.run)
    assert run.state.facts == ["pear", "|", "apple"]
