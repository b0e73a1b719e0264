"""Runs that ended in every way, were resumed, moved, pruned or rerun, as they are to be seen on their graph."""

from __future__ import annotations

import asyncio

import pytest

from graphflow import END, START, Agent, Budget, Graph, RunFailed
from graphflow.agents.scripted import ScriptedModel
from graphflow.runtime.run import Run
from graphflow.stores import MemoryStore, prune_history
from graphflow.testing.virtual import run_virtual
from tests.views.runs import (
    Trip,
    looping,
    mapping,
    mark,
    no_work,
    over,
    run_of,
    step_of,
    trip,
)


def test_a_cancelled_run_and_one_out_of_budget() -> None:
    """S13.1, S14.2."""
    graph = mapping(at_once=2)

    async def cancelled() -> Run[Trip]:
        async with graph.start(Trip()) as live:
            await asyncio.sleep(0.5)
            live.cancel()
        return live.run

    run = run_virtual(cancelled())
    assert run.status == "cancelled"
    assert mark(graph, run, "search").status == "cancelled"
    graph = looping()
    run = run_virtual(graph.run(Trip(), budget=Budget(steps=2)))
    assert run.status == "exhausted"
    seen = mark(graph, run, "count")
    assert (seen.status, seen.visits) == ("done", 2)


def test_a_resumed_run_goes_on_and_the_time_between_is_nobodys() -> None:
    """S14.3."""
    graph = Graph("mended", Trip)
    broken = [True]

    @graph.node
    async def fetch(state: Trip) -> None:
        await asyncio.sleep(1)
        if broken.pop():
            raise ValueError("not yet")

    graph.edge(START, fetch)
    graph.edge(fetch, END)

    async def mended() -> Run[Trip]:
        with pytest.raises(RunFailed) as caught:
            await graph.run(Trip())
        await asyncio.sleep(1_000)
        broken.append(False)
        return await graph.resume(caught.value.run)

    run = run_virtual(mended())
    resumed = step_of(run, "resumed")
    assert mark(graph, run, "fetch", resumed - 1).status == "failed"
    assert mark(graph, run, "fetch", resumed).status == "running"
    seen = mark(graph, run, "fetch")
    assert (seen.status, seen.visits, round(seen.seconds)) == ("done", 1, 2)


def test_what_calls_cost_is_the_nodes_and_of_a_folded_sub_graph_the_cards() -> None:
    """S13.1."""
    inner = Graph("inner", Trip)
    write = inner.node(Agent("write", "Write it.", prompt="{score}"), writes=trip.found)
    inner.edge(START, write)
    inner.edge(write, END)
    graph = Graph("outer", Trip)
    team = graph.node(inner, name="team")
    graph.edge(START, team)
    graph.edge(team, END)
    run = graph.run_sync(Trip(), model=ScriptedModel(["a short text"]))
    assert mark(graph, run, "team/write", expand=1).usage.tokens == run.usage.tokens > 0
    assert mark(graph, run, "team").usage.tokens == run.usage.tokens


def test_a_run_that_moved_to_a_changed_graph_is_drawn_on_it_as_it_is_now() -> None:
    """S16: edges are found again by what they join, although their numbers are others."""

    def made(has_more: bool) -> Graph[Trip]:
        graph = Graph("moved", Trip)
        draft = graph.node(no_work, name="draft")
        ask = graph.ask("ask", "Well?", answer=bool, writes=trip.is_ok)
        if has_more:
            graph.edge("draft", graph.node(no_work, name="extra"), when=trip.score > 5)
            graph.edge("extra", END)
        graph.edge(START, draft)
        graph.edge(draft, ask)
        graph.edge(ask, END)
        return graph

    run = run_of(made(has_more=False))
    later = made(has_more=True)
    run = later.resume_sync(run, answers=[run.questions[0].reply(True)], migrate=dict)
    assert {entry["kind"] for entry in run.journal} >= {"migrated"}
    for step in range(1, run.seq + 1):
        over(later, run, step)
    taken = over(later, run).taken
    assert taken["e.draft.1"] == (step_of(run, "finished", "draft"),)
    assert mark(later, run, "draft").status == "done"
    assert over(later, run, 3).taken["e.draft.1"] == (3,)


def test_a_run_whose_history_was_pruned_shows_what_is_known_of_it() -> None:
    """S15.2: visits and open branches stand in the snapshot, takings before it are forgotten."""
    graph, store = mapping(at_once=2), MemoryStore()
    ask = graph.ask("ask", "Go on?", answer=str, writes=trip.found)
    graph.edge("search", ask)
    graph.edge(ask, "gather")

    async def pruned() -> Run[Trip]:
        run = await graph.run(Trip(), store=store, run_id="r")
        prune_history(store, "r", graph.plan())
        return await graph.resume("r", store=store, answers=[run.questions[0].reply("yes")])

    run = run_virtual(pruned())
    assert run.pruned > 0
    for step in range(run.pruned + 1, run.seq + 1):
        seen = over(graph, run, step)
        assert seen.mark("n.plan").visits == 1
        assert seen.mark("n.search").visits == 3
    assert mark(graph, run, "search").cells == ["done", "waiting", "waiting"]
    assert mark(graph, run, "ask").status == "waiting"


def test_a_rerun_shows_what_it_took_over_and_what_it_did() -> None:
    """S15.3."""
    graph = looping()
    run = run_of(graph)
    again = run_virtual(graph.rerun(run, at=4, state={"score": 0}))
    assert mark(graph, again, "count").visits == 5
    assert over(graph, again).run_id == again.id
