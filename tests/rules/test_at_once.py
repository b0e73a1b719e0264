"""Who may run at once (S6.9), where branches wait, sleep, nest and are cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from graphflow import (
    END,
    START,
    Context,
    Graph,
    Retry,
)
from graphflow.graph.answers import Answer
from graphflow.testing.virtual import run_virtual
from tests.nesting import Broken, Crowd, State, node, state
from tests.recovery import assert_recovers, later


def asking(at_once: int, *, in_sub_graph: bool) -> tuple[Graph[State], Crowd]:
    crowd = Crowd()
    graph = Graph("asking", State)
    inner = Graph("inner", State) if in_sub_graph else graph
    ok = inner.ask("ok", "?", answer=bool, writes=state.approved)

    @inner.node
    async def act(view: State) -> dict[str, object]:
        await crowd.work()
        return {"log": "acted"}

    a, j = node(graph, "a"), node(graph, "j")
    graph.edge(START, a)
    if in_sub_graph:
        inner.chain(START, ok, act, END)
        graph.map(a, graph.node(inner, name="sub"), over=state.items, join=j, at_once=at_once)
    else:
        graph.map(a, ok, over=state.items, join=j, at_once=at_once)
        graph.edge(ok, act)
        graph.edge(act, j)
    graph.edge(j, END)
    return graph, crowd


@pytest.mark.parametrize("in_sub_graph", [False, True])
def test_waiting_branches_hold_no_slot_and_answered_ones_need_one(in_sub_graph: bool) -> None:
    """S6.9: all four ask although one may run; then all are answered at once, and one runs at a time."""
    graph, crowd = asking(1, in_sub_graph=in_sub_graph)
    run = run_virtual(graph.run(State()))
    assert len(run.questions) == 4
    again = later(graph, run, answers=[Answer(question.id, True) for question in run.questions])
    assert (again.status, again.state.log) == ("done", ["a", *["acted"] * 4, "j"])
    assert crowd.most == 1


def test_a_branch_whose_nested_fork_sleeps_holds_no_slot() -> None:
    """S6.9: every cursor in it is between two attempts; the others go on meanwhile, and it waits for its slot."""
    graph = Graph("sleepers", State)
    crowd = Crowd()

    async def work(view: State, ctx: Context[Any]) -> None:
        await crowd.work()
        if ctx.attempt == 1:
            raise Broken

    retry = Retry(attempts=2, first_s=10, jitter=0)
    x, y = graph.node(work, name="x", retry=retry), graph.node(work, name="y", retry=retry)
    a, o, j, k = (node(graph, name) for name in "aojk")
    graph.edge(START, a)
    graph.map(a, o, over=state.items, join=k, at_once=1)
    graph.fork(o, [x, y], join=j)
    graph.edge(j, k)
    graph.edge(k, END)
    run = run_virtual(graph.run(State()))
    assert (run.status, crowd.most) == ("done", 2)
    assert run.seconds == pytest.approx(15), "while one sleeps the next runs: 1 s each, and from 11 s on again"


def test_a_place_in_line_is_not_lost_with_a_cancelled_branch() -> None:
    """S6.9: the next one in line had been called, and was cancelled by its join before it began."""
    graph = Graph("line", State)
    crowd = Crowd()

    @graph.node(at_once=1)
    async def x(view: State) -> None:
        await crowd.work()

    a, o, y, z, j, k = (node(graph, name) for name in "aoyzjk")
    graph.edge(START, a)
    graph.map(a, o, over=state.items, join=k)
    graph.fork(o, [y, z], join=j, need="first")
    graph.chain(y, x, j)
    graph.edge(z, x)
    graph.edge(j, k)
    graph.edge(k, END)
    run = run_virtual(graph.run(State()))
    assert (run.status, crowd.most) == ("done", 1)


def test_at_once_on_a_graph_as_a_node() -> None:
    """S6.9, S12.1: it bounds the visits of the whole, from entry to end, through retries and cancellation."""
    inner = Graph("inner", State)
    crowd = Crowd()

    @inner.node
    async def x(view: State, item: str, ctx: Context[Any]) -> None:
        await crowd.work()
        if item == "p" and "~" not in ctx.cursor:
            raise Broken

    inner.chain(START, x, END)
    graph = Graph("outer", State)
    sub = graph.node(inner, name="sub", at_once=2, retry=Retry(attempts=2, first_s=0.1, jitter=0))
    a, j = node(graph, "a"), node(graph, "j")
    graph.edge(START, a)
    graph.map(a, sub, over=state.items, join=j)
    graph.edge(j, END)
    run = assert_recovers(graph, State())
    assert (run.status, crowd.most) == ("done", 2)
