"""The journal: entries that are written only when they are read say what they would have said at the commit (S15.2)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SkipValidation

from graphflow import END, START, Graph, append, extend, fields, merge, union
from graphflow.core.journal import Brief, Journal, encode, expand, text_of
from graphflow.core.replay import replay
from graphflow.stores import MemoryStore
from graphflow.testing.virtual import run_virtual


def put_in_place(old: list[int], new: int) -> list[int]:
    old.append(new)
    return old


class State(BaseModel):
    n: int = 0
    ratio: float | None = None
    word: str = ""
    plain: list[int] = []
    lines: Annotated[list[str], append] = []
    deep: Annotated[list[list[int]], append] = []
    more: Annotated[list[int], extend] = []
    table: Annotated[dict[str, list[int]], merge] = {}
    unlooked: Annotated[str, SkipValidation] = ""


class Mixed(State):
    """With a reducer of the user's, and a field that JSON cannot hold as it is: nothing is written late."""

    given: Annotated[list[int], put_in_place] = []
    seen: Annotated[set[int], union] = set()


class WritesAtOnce(MemoryStore):
    """As a store on disk would."""

    def append(self, run_id: str, entries: Sequence[bytes | Brief]) -> None:
        super().append(run_id, [text_of(entry) for entry in entries])


class Counts(MemoryStore):
    """Counts what it is given unwritten."""

    briefs = 0

    def append(self, run_id: str, entries: Sequence[bytes | Brief]) -> None:
        self.briefs += sum(isinstance(entry, tuple) for entry in entries)
        super().append(run_id, entries)


def alter(value: Any) -> None:
    """Change everything in a value that can be changed in place."""
    kind = value.__class__
    if kind in (dict, list):
        for part in list(value.values() if kind is dict else value):
            alter(part)
    if kind is dict:
        value["altered"] = 99
    elif kind is list:
        value.append(99)
    elif kind is set:
        value.add(99)


NUMBERS = st.lists(st.integers(0, 9), max_size=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": st.integers(),
    "ratio": st.none() | st.floats(),
    "word": st.text() | st.just("x" * 2_000) | st.just("\ud800"),
    "plain": NUMBERS,
    "lines": st.text(max_size=5),
    "deep": NUMBERS,
    "more": NUMBERS,
    "table": st.dictionaries(st.text(max_size=3), NUMBERS, max_size=2),
    "unlooked": NUMBERS,
}
MORE_VALUES = {**VALUES, "given": st.integers(0, 9), "seen": st.sets(st.integers(0, 9), max_size=3)}

Results = list[dict[str, Any] | None]


def results_of(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Results]:
    return st.lists(st.none() | st.fixed_dictionaries({}, optional=values), min_size=1, max_size=6)


def altering_graph(results: Results, state: type[State] = State) -> Graph[State]:
    """A loop that returns these one after another, and in each step alters all that it returned and saw before."""
    graph = Graph("alters", state)
    kept: list[Any] = []
    left = copy.deepcopy(results)

    @graph.node
    async def work(view: State) -> dict[str, Any] | None:
        for old in kept:
            alter(old)
        result = left.pop(0)
        kept.extend([] if result is None else [result, *result.values()])
        kept.extend([view.plain, view.lines, view.deep, view.more, view.table])
        return result

    graph.edge(START, work)
    graph.edge(work, work, at_most=len(results) - 1)
    graph.edge(work, END)
    return graph


def assert_same_text(results: Results, state: type[State]) -> None:
    def texts(store: MemoryStore) -> list[bytes]:
        graph = altering_graph(results, state)
        return run_virtual(graph.run(state(), store=store, run_id="r")).raw_journal

    assert texts(MemoryStore()) == texts(WritesAtOnce())


@given(results_of(VALUES))
def test_read_later_as_at_once(results: Results) -> None:
    """S3.2: whatever a node does afterwards to what it returned, the journal says what was committed."""
    assert_same_text(results, State)


@given(results_of(MORE_VALUES))
def test_read_later_as_at_once_with_a_reducer_that_alters(results: Results) -> None:
    """S7.1: nor what a reducer does to what it is given."""
    assert_same_text(results, Mixed)


def map_graph() -> Graph[State]:
    graph = Graph("map", State)
    state = fields(State)

    @graph.node(writes=state.plain)
    async def plan(view: State) -> list[int]:
        return list(range(30))

    @graph.node(writes=state.lines)
    async def note(view: State, item: int) -> str:
        return f"line {item}"

    @graph.node
    async def clear(view: State) -> dict[str, Any]:
        view.lines.clear()
        return {"lines": "last", "plain": []}

    graph.edge(START, plan)
    graph.map(plan, note, over=state.plain, join=clear)
    graph.edge(clear, END)
    return graph


def test_a_map_read_later_as_at_once() -> None:
    """S6.4: the changes of branches are folded into lists by the join, and stand in the journal as they were made."""
    late = run_virtual(map_graph().run(State(), store=MemoryStore(), run_id="r"))
    at_once = run_virtual(map_graph().run(State(), store=WritesAtOnce(), run_id="r"))
    assert late.raw_journal == at_once.raw_journal
    assert late.state == at_once.state
    assert late.state.lines == [*(f"line {item}" for item in range(30)), "last"]


def test_only_what_cannot_change_waits() -> None:
    """Texts and numbers are written late; an update that holds a list is not."""
    late, now = Counts(), Counts()
    graph = altering_graph([{"n": 1, "lines": "a"}, None, {"word": "b"}])
    run_virtual(graph.run(State(), store=late))
    run_virtual(altering_graph([{"n": 1, "plain": []}, {"deep": [1]}, {"more": [1]}]).run(State(), store=now))
    assert (late.briefs, now.briefs) == (3, 0)


def test_a_run_keeps_its_place() -> None:
    """A run that was read while it went on shows the entries up to then."""
    items: list[bytes | Brief] = [b"{}", ("", "a", 1, {}, 0, 2, 0.0)]
    journal = Journal(items)
    items.append(b"later")
    brief: Brief = ("", "a", 1, {}, 0, 2, 0.0)
    written = text_of(brief)
    assert list(journal) == journal[:] == [b"{}", written]
    assert journal[-1] == written
    assert len(journal) == 2
    assert items[1] == written, "written once"
    assert expand(brief) == {"kind": "finished", "at": "a:1", "edge": 0, "seq": 2, "t": 0.0}


def test_observers_and_replay_see_whole_entries() -> None:
    """S15.2: a run is a fold of its journal, also where the journal was written late."""
    seen: list[Any] = []
    graph = altering_graph([{"n": 1}, {"lines": "a"}])
    observe: Callable[[Any], None] = seen.append
    run = run_virtual(graph.run(State(), observers=[observe]))
    assert [event.cursor for event in seen if type(event).__name__ == "NodeFinished"] == ["START:1", "work:1", "work:2"]
    assert replay(run.plans, run.journal).root.read()["lines"] == ["a"]
    assert [encode(entry, graph.plan()) for entry in run.journal] == run.raw_journal
