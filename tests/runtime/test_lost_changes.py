"""S3.6: what a node alters in its own copies and does not return is lost, and never silently."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Context, Graph, append, extend, fields
from graphflow.core.unwritten import MANY
from graphflow.errors import LostChange
from graphflow.models import ScriptedModel
from graphflow.runtime.lost_changes import lost_change


class Note(BaseModel):
    text: str = ""


class State(BaseModel):
    items: list[str] = ["a"]
    counts: dict[str, int] = {}
    seen: set[str] = set()
    note: Note = Note()
    log: Annotated[list[str], append] = []
    facts: Annotated[list[str], extend] = []
    n: int = 0


state = fields(State)
Work = Callable[..., Any]


def graph_of(work: Work, **options: Any) -> Graph[State]:
    graph = Graph("lost", State)
    graph.chain(START, graph.node(work, name="work", **options), END)
    return graph


def warned(graph: Graph[State], given: State | None = None) -> list[str]:
    """What is warned of, and the state that comes out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = graph.run_sync(given or State())
    assert run.status == "done"
    return [str(one.message) for one in caught if one.category is LostChange]


def append_item(view: State) -> None:
    view.items.append("b")


def set_count(view: State) -> dict[str, int]:
    view.counts["a"] = 1
    return {"n": 1}


def add_seen(view: State) -> None:
    view.seen.add("x")


def alter_note(view: State) -> None:
    view.note.text = "new"


async def log_it(view: State) -> None:
    view.log.append("x")


def swap(view: State) -> None:
    view.items[0] = "b"


@pytest.mark.parametrize(
    ("work", "field"),
    [(append_item, "items"), (set_count, "counts"), (add_seen, "seen"), (alter_note, "note"), (log_it, "log"), (swap, "items")],
)  # fmt: skip
def test_it_is_told_with_the_node_the_field_and_the_line_to_write(work: Work, field: str) -> None:
    assert warned(graph_of(work)) == [lost_change("work", [field])]


def test_the_state_is_as_it_was() -> None:
    with pytest.warns(LostChange, match=r"\[GF223\] Node 'work' altered state.items in place and did not return it"):
        assert graph_of(append_item).run_sync(State()).state.items == ["a"]


def test_it_points_at_the_node() -> None:
    with pytest.warns(LostChange) as caught:
        graph_of(append_item).run_sync(State())
    assert caught[0].filename == __file__


def returned(view: State) -> dict[str, Any]:
    view.items.append("b")
    return {"items": view.items}


def elsewhere(view: State, ctx: Context) -> None:
    view.items.append("b")
    ctx.update(items=view.items)


def only_read(view: State) -> dict[str, int]:
    assert view.note.text == ""
    assert not view.facts
    return {"n": len(view.items)}


def own_copy(view: State) -> None:
    items = list(view.items)
    items.append("b")


def put_back(view: State) -> None:
    view.items.append("b")
    view.items.pop()


@pytest.mark.parametrize("work", [returned, elsewhere, only_read, own_copy, put_back])
def test_what_is_returned_or_unchanged_is_no_business_of_it(work: Work) -> None:
    assert warned(graph_of(work)) == []


def test_the_value_itself_returned() -> None:
    def work(view: State) -> list[str]:
        view.items.append("b")
        return view.items

    assert warned(graph_of(work, writes=state.items)) == []


def test_once_for_each_node_and_field_not_for_each_visit() -> None:
    graph = Graph("looping", State)

    @graph.node
    def work(view: State) -> dict[str, int]:
        view.items.append("b")
        if view.n == 2:
            view.counts["a"] = 1
        return {"n": view.n + 1}

    graph.edge(START, work)
    graph.edge(work, END, when=state.n >= 4)
    graph.edge(work, work, at_most=9)
    graph.edge(work, END)
    assert warned(graph) == [lost_change("work", ["items"]), lost_change("work", ["counts"])]


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("is_watched", [True, False])
def test_in_branches(is_async: bool, is_watched: bool) -> None:
    """S6.3: a branch has copies of its own, in a lane as elsewhere."""
    graph = Graph("wide", State)

    def branch(view: State, item: str) -> None:
        view.facts.append(item)

    async def async_branch(view: State, item: str) -> None:
        branch(view, item)

    work = graph.node(async_branch if is_async else branch, name="work")
    graph.map(START, work, over=state.items, join=END)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graph.run_sync(State(items=["a", "b"]), observers=[lambda event: None] if is_watched else [])
    assert [str(one.message) for one in caught] == [lost_change("work", ["facts"])]


def test_what_siblings_write_to_a_shared_state_is_no_change_of_the_node() -> None:
    """S6.10."""
    graph = Graph("shared", State)

    @graph.node(writes=state.facts)
    async def work(view: State, item: str) -> list[str]:
        len(view.facts)
        return [item]

    graph.map(START, work, over=state.items, join=END, state="shared")
    assert warned(graph, State(items=["a", "b", "c"])) == []


def test_of_very_many_elements_only_their_number_is_compared() -> None:
    """It must cost next to nothing."""
    many = State(items=["a"] * (MANY + 1))
    assert warned(graph_of(append_item), many) == [lost_change("work", ["items"])]
    assert warned(graph_of(swap), many) == []


def test_an_agent_reads_and_alters_nothing() -> None:
    from graphflow import Agent

    agent = Agent("write", "Write.", prompt="{items} {log}", model=ScriptedModel(["done"]))
    graph = Graph("agent", State)
    graph.chain(START, graph.node(agent, writes=state.log), END)
    assert warned(graph) == []


def test_a_warning_that_is_an_error_ends_the_run_as_one() -> None:
    with warnings.catch_warnings(), pytest.raises(LostChange):
        warnings.simplefilter("error")
        graph_of(append_item).run_sync(State())
