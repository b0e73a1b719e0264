"""S2: where a run stands, and what it costs to stand there."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    items: list[str] = ["a", "b"]
    inner: list[int] = [1, 2]


state = fields(State)


def nested() -> Graph[State]:
    graph = Graph("nested", State)
    names = graph.point("names / with [marks]: 100%")
    split = graph.point("split")

    @graph.node
    async def work(view: State, item: int) -> None:
        await asyncio.sleep(item)

    meet, gather = graph.point("meet"), graph.point("gather")
    graph.edge(START, names)
    graph.map(names, split, over=state.items, join=gather)
    graph.map(split, work, over=state.inner, join=meet)
    graph.edge(work, meet)
    graph.edge(meet, gather)
    graph.edge(gather, END)
    return graph


async def watched(graph: Graph[State], moment: float) -> Any:
    async with graph.start(State()) as live:
        await asyncio.sleep(moment)
        frontier, tasks = live.run.frontier, len(asyncio.all_tasks())
    return frontier, tasks, live.run


def test_the_frontier_is_every_live_cursor_with_its_scope_path() -> None:
    """S2.1, S2.2: a path names every step into a scope: node, visit, branch; reserved characters are encoded."""
    frontier, _, run = run_virtual(watched(nested(), 1.5))
    name = "names %2F with %5Bmarks%5D%3A 100%25"
    assert frontier == (
        f"{name}:1[0]/split:1[1]/work:1",
        f"{name}:1[1]/split:1[1]/work:1",
    )
    assert run.frontier == ()
    assert len(set(run.path)) == len(run.path), "a cursor never recurs in a run"


def test_a_cursor_that_is_not_running_holds_no_task() -> None:
    """S2.3: a thousand open questions need no task of their own."""
    graph = Graph("poll", State)
    vote = graph.ask("vote", "{item}?", answer=bool, writes=())
    gather = graph.point("gather")
    graph.map(START, vote, over=state.items, join=gather)
    graph.edge(gather, END)

    async def main() -> Any:
        async with graph.start(State(items=[str(n) for n in range(900)])) as live:
            await asyncio.sleep(1)
            return len(live.run.questions), len(asyncio.all_tasks())

    questions, tasks = run_virtual(main())
    assert questions == 900
    assert tasks <= 3
