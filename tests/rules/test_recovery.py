"""S14.2, S14.3, S15.2: intricate graphs, stopped after every entry and folded up to every entry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import (
    END,
    FAIL,
    START,
    Context,
    Graph,
    Handoff,
    JoinFailed,
    Retry,
    append,
    best_effort,
    extend,
    fields,
    local,
    merge,
    quorum,
)
from graphflow.graph.answers import Answer
from graphflow.graph.handles import Handle
from graphflow.runtime.run import Run
from tests.recovery import assert_recovers


class State(BaseModel):
    n: int = 0
    word: str = ""
    items: list[str] = ["p", "q", "r"]
    inner: list[int] = [1, 2]
    log: Annotated[list[str], append] = []
    seen: Annotated[list[str], extend] = []
    marks: Annotated[dict[str, int], merge] = {}
    tries: Annotated[int, local] = 0
    approved: bool = False


state = fields(State)


class Broken(Exception):
    """As the test asks."""


def says(graph: Graph[State], name: str, seconds: float = 0.0, **options: Any) -> Handle:
    """A node that logs its name and items, after some seconds."""

    async def work(view: State, ctx: Context[Any]) -> dict[str, object]:
        await asyncio.sleep(seconds)
        return {"log": "".join([name, *map(str, ctx.items)])}

    return graph.node(work, name=name, **options)


def fails(graph: Graph[State], name: str, seconds: float = 0.0, **options: Any) -> Handle:
    async def work(view: State) -> None:
        await asyncio.sleep(seconds)
        raise Broken(name)

    return graph.node(work, name=name, **options)


def flaky(graph: Graph[State], name: str, good: int = 2, **options: Any) -> Handle:
    """Fails until its ``good``-th attempt."""

    def work(view: State, ctx: Context[Any]) -> dict[str, object]:
        if ctx.attempt < good:
            raise Broken(name)
        return {"log": f"{name}{ctx.items}"}

    return graph.node(work, name=name, retry=Retry(attempts=good, first_s=1, jitter=0), **options)


def yes(run: Run[Any]) -> list[Answer]:
    return [Answer(question.id, True) for question in run.questions]


def nested_maps() -> Graph[State]:
    """A map over a map with a retry, a loop with a local counter, and a point."""
    graph = Graph("maps", State)
    a, b = says(graph, "a"), flaky(graph, "b")

    @graph.node(writes=state.tries)
    async def c(view: State, item: int) -> int:
        await asyncio.sleep(item)
        return view.tries + 1

    gather, j, k = graph.point("gather"), says(graph, "j"), says(graph, "k")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=k, at_once=2)
    graph.map(b, c, over=state.inner, join=j, at_once=1)
    graph.edge(c, c, when=state.tries < 2, at_most=3)
    graph.edge(c, gather)
    graph.edge(gather, j)
    graph.edge(j, k)
    graph.edge(k, END)
    return graph


def collected_nest() -> Graph[State]:
    """A fork that stops inside a map that collects, inside a fork."""
    graph = Graph("collected", State)
    a, b, c, d, x = says(graph, "a"), says(graph, "b"), says(graph, "c", 2), says(graph, "d", 3), fails(graph, "x", 1)
    inner, j, k = says(graph, "inner"), says(graph, "j"), says(graph, "k")

    @graph.node(writes=state.word)
    async def count(view: State, ctx: Context[Any]) -> str:
        return " ".join(branch.status for branch in ctx.branches)

    graph.edge(START, a)
    graph.fork(a, [b, d], join=count)
    graph.map(b, inner, over=state.items, join=k, failures="collect")
    graph.fork(inner, [c, x], join=j)
    graph.edge(j, k)
    graph.edge(k, count)
    graph.edge(count, END)
    return graph


def sub_graph_with_retry() -> Graph[State]:
    """A sub-graph that fails as a whole, twice, with a fork open inside."""
    inner = Graph("inner", State)
    entered: dict[str, int] = {}

    @inner.node
    async def x(view: State, ctx: Context[Any]) -> None:
        if "~3" not in ctx.cursor:
            raise Broken("x")

    f, y, z = says(inner, "f"), says(inner, "y", 5), says(inner, "z")
    inner.edge(START, f)
    inner.fork(f, [x, y], join=z)
    inner.edge(z, END)
    graph = Graph("retried", State)
    a, b = says(graph, "a"), says(graph, "b")
    sub = graph.node(inner, name="sub", retry=Retry(attempts=3, first_s=2, jitter=0), timeout_s=60)
    graph.edge(START, a)
    graph.map(a, sub, over=state.items, join=b, at_once=2)
    graph.edge(b, END)
    assert not entered
    return graph


def asks_in_a_map_in_a_sub_graph() -> Graph[State]:
    inner = Graph("inner", State)
    a, ok, b = says(inner, "a"), inner.ask("ok", "{word}?", answer=bool, writes=fields(State).tries), says(inner, "b")
    join = says(inner, "join")
    inner.edge(START, a)
    inner.map(a, ok, over=state.items, join=join, at_once=1)
    inner.chain(ok, b, join)
    inner.edge(join, END)
    graph = Graph("asking", State)
    sub, end = graph.node(inner, name="sub"), says(graph, "end")
    graph.chain(START, sub, end, END)
    return graph


def error_edges_at_every_level() -> Graph[State]:
    """A failure climbs from a branch through a sub-graph; a join that failed is saved; FAIL inside."""
    inner = Graph("inner", State)
    a, b, x, j = says(inner, "a"), says(inner, "b", 1), fails(inner, "x", 2), says(inner, "j")
    inner.edge(START, a)
    inner.fork(a, [b, x], join=j, need=quorum(2))
    inner.edge(j, END)
    inner.edge(j, FAIL("lost"), on_error=JoinFailed)
    graph = Graph("levels", State)
    c, sub, d, e, k = (
        says(graph, "c"),
        graph.node(inner, name="sub"),
        says(graph, "d"),
        says(graph, "e"),
        says(graph, "k"),
    )
    saved = says(graph, "saved")
    graph.edge(START, c)
    graph.fork(c, [sub, d], join=k)
    graph.edge(sub, k)
    graph.edge(sub, saved, on_error=Exception)
    graph.chain(saved, e, k)
    graph.edge(k, END)
    return graph


def timers_everywhere() -> Graph[State]:
    """A timer at the first node of a branch, at a sub-graph, and at a question."""
    inner = Graph("inner", State)
    slow = says(inner, "slow", 100)
    inner.chain(START, slow, END)
    graph = Graph("timers", State)
    a, b, j = says(graph, "a"), says(graph, "b", 100), says(graph, "j")
    sub, ok = graph.node(inner, name="sub"), graph.ask("ok", "?", answer=bool, writes=state.approved)
    late, later_, unanswered = says(graph, "late"), says(graph, "later"), says(graph, "unanswered")
    graph.edge(START, a)
    graph.fork(a, [b, sub, ok], join=j)
    graph.edge(b, j)
    graph.edge(b, late, after_s=10)
    graph.edge(sub, j)
    graph.edge(sub, later_, after_s=20)
    graph.edge(ok, j)
    graph.edge(ok, unanswered, after_s=30)
    for each in (late, later_, unanswered):
        graph.edge(each, j)
    graph.edge(j, END)
    return graph


def handoffs() -> Graph[State]:
    """A handoff with data in a branch, and one to END inside a sub-graph."""
    inner = Graph("inner", State)

    @inner.node(writes=state.word)
    async def router(view: State) -> str | Handoff:
        return Handoff(END)

    inner.edge(START, router)
    inner.handoff(router, END, "Done")
    graph = Graph("handoffs", State)
    a, sub, j = says(graph, "a"), graph.node(inner, name="sub"), says(graph, "j")

    @graph.node
    async def chooser(view: State) -> dict[str, object] | Handoff:
        return Handoff("billing", {"log": "chose"}, data=7)

    billing = says(graph, "billing")
    graph.edge(START, a)
    graph.fork(a, [chooser, sub], join=j)
    graph.handoff(chooser, billing, "Bills", takes=int, writes=state.n)
    graph.edge(billing, j)
    graph.edge(sub, j)
    graph.edge(j, END)
    return graph


def shared() -> Graph[State]:
    """A blackboard with a nested isolated fork and a local counter."""
    graph = Graph("shared", State)
    a, b, c, d, j, k = (says(graph, name, at) for name, at in zip("abcdjk", (0, 1, 2, 3, 0, 0), strict=True))

    @graph.node(writes=state.tries)
    async def loop(view: State) -> int:
        await asyncio.sleep(1)
        return view.tries + 1

    graph.edge(START, a)
    graph.fork(a, [b, loop], join=k, state="shared")
    graph.fork(b, [c, d], join=j)
    graph.edge(j, k)
    graph.edge(loop, loop, when=state.tries < 3, at_most=5)
    graph.edge(loop, k)
    graph.edge(k, END)
    return graph


def best_of_slow() -> Graph[State]:
    """best_effort closes on its time, with a nested fork half done."""
    graph = Graph("best", State)
    a, b, c, d, e, j, k = (says(graph, n, s) for n, s in zip("abcdejk", (0, 1, 1, 1, 500, 0, 0), strict=True))
    graph.edge(START, a)
    graph.fork(a, [b, c], join=k, need=best_effort(at_least=1, within_s=50))
    graph.fork(b, [d, e], join=j)
    graph.edge(j, k)
    graph.edge(c, k)
    graph.edge(k, END)
    return graph


def no_way_out_collected() -> Graph[State]:
    graph = Graph("stuck", State)
    a, b, c, j = says(graph, "a"), says(graph, "b"), says(graph, "c"), says(graph, "j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j, failures="collect")
    graph.edge(b, j, when=state.n > 3)
    graph.edge(c, j)
    graph.edge(j, END)
    return graph


GRAPHS: dict[str, Callable[[], Graph[State]]] = {
    made.__name__: made
    for made in (
        nested_maps,
        collected_nest,
        sub_graph_with_retry,
        asks_in_a_map_in_a_sub_graph,
        error_edges_at_every_level,
        timers_everywhere,
        handoffs,
        shared,
        best_of_slow,
        no_way_out_collected,
    )
}


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS.keys())
def test_a_run_can_be_stopped_anywhere(make: Callable[[], Graph[State]]) -> None:
    """S14.2, S15.2: whichever entry is the last one written, the resumed run ends as if nothing had happened."""
    respond = yes if make is asks_in_a_map_in_a_sub_graph else lambda run: ()
    run = assert_recovers(make(), State(), respond)
    assert run.status == ("waiting" if make is timers_everywhere else "done")
