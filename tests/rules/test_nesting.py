"""Failures in forks in forks and in sub-graphs: what they stop, and what a resume picks up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow import (
    END,
    START,
    Context,
    Graph,
    JoinFailed,
    NoWayOut,
    Retry,
    fields,
    quorum,
)
from graphflow.errors import NodeTimeout
from graphflow.graph.handles import Handle
from graphflow.testing.virtual import run_virtual
from tests.nesting import Broken, State, failed, kinds, node, state
from tests.recovery import later


def test_nothing_starts_after_the_run_has_failed() -> None:
    """S8.3, S14.3: the siblings stay where they are; the resumed run goes on with them."""
    graph = Graph("over", State)
    broken = [True]

    @graph.node
    def b(view: State) -> None:
        if broken:
            raise Broken

    a, c, j = node(graph, "a"), node(graph, "c"), node(graph, "j")
    graph.edge(START, a)
    graph.fork(a, [b, c], join=j)
    graph.edge(j, END)
    run = failed(graph)
    assert kinds(run)[-2:] == ["failed", "ended"]
    assert run.frontier == ("a:1[0]/b:1", "a:1[1]/c:1")
    broken.clear()
    assert later(graph, run).state.log == ["a", "c", "j"]


def collected(*inner: Handle, graph: Graph[State], outer: list[Handle], j: Handle) -> Graph[State]:
    """a forks to o (which forks to ``inner``, meeting at j) and to ``outer``; all meet at k, which collects."""
    a, o, k = node(graph, "a"), node(graph, "o"), node(graph, "k")
    graph.edge(START, a)
    graph.fork(a, [o, *outer], join=k, failures="collect")
    graph.fork(o, list(inner), join=j, at_once=2)
    graph.edge(j, k)
    graph.edge(k, END)
    return graph


@pytest.mark.parametrize("how", ["ready", "unbegun", "sleeping", "running", "waiting"])
def test_nothing_goes_on_in_a_branch_that_was_collected(how: str) -> None:
    """S6.7, S8.3: failures="stop" in a fork inside "collect": whatever its siblings were at, they are over."""
    graph = Graph("collected", State)
    ran: list[str] = []

    async def beside(view: State, ctx: Context[Any]) -> None:
        ran.append(f"begun {ctx.attempt}")
        if how == "sleeping":
            raise Broken
        await asyncio.sleep(5)
        ran.append("done")

    bad = node(graph, "bad", Broken("bad"), 0 if how == "ready" else 2)
    if how == "waiting":
        sibling: Handle = graph.ask("asks", "?", answer=bool, writes=state.approved)
    else:
        sibling = graph.node(beside, name="sibling", retry=Retry(attempts=2, first_s=5, jitter=0))
    inner = [bad, sibling] if how in ("ready", "waiting") else [sibling, bad]
    if how == "unbegun":
        inner = [bad, *(node(graph, f"more{number}", seconds=5) for number in range(2)), sibling]
    slow = node(graph, "slow", seconds=60)
    run = run_virtual(collected(*inner, graph=graph, outer=[slow], j=node(graph, "j")).run(State()))
    assert run.status == "done"
    assert run.state.log == ["a", "slow", "k"]
    assert not {"done", "begun 2"} & set(ran)
    assert run.questions == ()


def test_a_lost_need_deep_inside_is_tried_again_by_a_resume() -> None:
    """S14.3: the outer join failed because a collected branch had lost its own need; both get new attempts."""
    graph = Graph("lost", State)
    broken = [True]

    @graph.node
    def x(view: State) -> dict[str, object]:
        if broken:
            raise Broken
        return {"log": "x"}

    a, o, y, j, k = (node(graph, name) for name in ("a", "o", "y", "j", "k"))
    graph.edge(START, a)
    graph.fork(a, [o], join=k, need=quorum(1))
    graph.fork(o, [x, y], join=j, need=quorum(2))
    graph.edge(j, k)
    graph.edge(k, END)
    run = failed(graph)
    assert isinstance(run.error, JoinFailed)
    broken.clear()
    again = later(graph, run)
    assert (again.status, again.state.log) == ("done", ["a", "o", "x", "y", "j", "k"])


def test_a_need_out_of_reach_fails_before_anything_begins() -> None:
    """S6.6: fewer branches than the quorum asks for; nothing is paid for."""
    graph = Graph("few", State)
    ran: list[str] = []

    @graph.node
    def b(view: State, item: str) -> None:
        ran.append(item)

    a, j, e = node(graph, "a", {"items": ["p"]}), node(graph, "j"), node(graph, "e")
    graph.edge(START, a)
    graph.map(a, b, over=state.items, join=j, need=quorum(2))
    graph.edge(j, END)
    graph.edge(j, e, on_error=JoinFailed)
    graph.edge(e, END)
    run = run_virtual(graph.run(State()))
    assert (run.path, ran) == (("a:1", "e:1"), [])


def test_a_branch_that_fails_over_to_the_join_is_done_without_an_error() -> None:
    """S6.7, S8.2: ``branch.error`` is what a branch failed with; this one did not."""
    graph = Graph("over", State)
    seen: list[tuple[str, object]] = []
    a, b = node(graph, "a"), node(graph, "b", Broken())

    @graph.node
    def j(view: State, ctx: Context[Any]) -> None:
        seen.extend((branch.status, branch.error) for branch in ctx.branches)

    graph.edge(START, a)
    graph.fork(a, [b], join=j)
    graph.edge(b, j)
    graph.edge(b, j, on_error=Broken)
    graph.edge(j, END)
    run_virtual(graph.run(State()))
    assert seen == [("done", None)]


def test_a_sub_graph_that_ran_out_of_time_gets_new_time_from_a_resume() -> None:
    """S12.1, S14.3: else it could never be resumed."""
    inner = Graph("inner", State)
    slow = node(inner, "slow", seconds=40)
    inner.chain(START, slow, END)
    graph = Graph("timed", State)
    sub = graph.node(inner, name="sub", timeout_s=30)
    graph.chain(START, sub, END)
    run = failed(graph)
    assert isinstance(run.error, NodeTimeout)
    assert later(graph, run).status == "failed"
    assert [entry["t"] - run.journal[0]["t"] for entry in run.journal if entry["kind"] == "failed"] == [30]


@pytest.mark.parametrize(("timeout_s", "ends"), [(30, "late"), (3_000, "done")])
def test_the_time_of_a_graph_is_that_of_the_whole_waiting_for_a_person_included(timeout_s: float, ends: str) -> None:
    """S12.1, S10.3: due times are absolute; the error says who was waited for, and how else to bound that."""
    inner = Graph("inner", State)
    sure = inner.ask("sure", "Sure?", answer=str, writes=state.log)
    inner.chain(START, sure, END)
    graph = Graph("timed", State)
    sub = graph.node(inner, name="sub", timeout_s=timeout_s)
    late = node(graph, "late", {"log": "late"})
    graph.edge(START, sub)
    graph.edge(sub, END)
    graph.edge(sub, late, on_error=NodeTimeout)
    graph.edge(late, END)

    async def main() -> Any:
        run = await graph.run(State())
        assert (run.status, run.frontier) == ("waiting", ("sub:1/sure:1",))
        await asyncio.sleep(100)
        run = await graph.resume(run)
        return run if run.status == "done" else await graph.resume(run, answers=[sure.answer("done")])

    run = run_virtual(main())
    assert (run.status, run.state.log) == ("done", [ends])
    if ends == "late":
        (failure,) = run.failures
        assert failure.error["why"].startswith("It waited for an answer at sub:1/sure:1, and the time of a graph")
        assert "graph.edge(sure, ..., after_s=...), in the inner graph" in failure.error["fix"]


def test_adding_the_missing_edge_in_a_sub_graph() -> None:
    """S16: the entry that is open goes on under the changed inner graph, and runs nothing again."""

    def make(*, is_mended: bool) -> Graph[State]:
        inner = Graph("inner", State)
        x, y = node(inner, "x", {"n": 5, "log": "x"}), node(inner, "y")
        inner.edge(START, x)
        inner.edge(x, END, when=fields(State).n > 7)
        if is_mended:
            inner.edge(x, y)
        else:
            inner.edge(x, y, when=fields(State).n > 6)
        inner.edge(y, END)
        graph = Graph("outer", State)
        a, sub = node(graph, "a"), graph.node(inner, name="sub")
        graph.chain(START, a, sub, END)
        return graph

    run = failed(make(is_mended=False))
    assert isinstance(run.error, NoWayOut)
    again = later(make(is_mended=True), run)
    assert (again.status, again.state.log) == ("done", ["a", "x", "y"])
