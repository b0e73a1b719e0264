"""S2.3: a cursor that is not running holds no task and next to no memory."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, Retry, fields, keep_last
from graphflow.testing.virtual import run_virtual

WIDTH = 300


class State(BaseModel):
    items: list[int] = list(range(WIDTH))
    sure: Annotated[bool, keep_last] = False


state = fields(State)


def watched() -> tuple[Graph[State], dict[str, int]]:
    """A graph whose branch ``watch`` counts the loop's tasks when all others have come to rest."""
    graph = Graph("resting", State)
    seen: dict[str, int] = {}

    @graph.node
    async def watch(view: State) -> None:
        await asyncio.sleep(50)
        seen["tasks"] = len(asyncio.all_tasks())

    for name in ("gather", "end"):
        graph.point(name)
    graph.fork(START, ["spread", watch], join="end")
    graph.point("spread")
    graph.edge("gather", "end")
    graph.edge("end", END)
    return graph, seen


def test_a_sleeping_cursor_holds_no_task() -> None:
    """S2.3, S8.1: hundreds of attempts wait for their turn, and the loop has a handful of tasks."""
    graph, seen = watched()

    @graph.node(retry=Retry(attempts=2, first_s=100, jitter=0))
    async def work(view: State, item: int, ctx: Context) -> None:
        if ctx.attempt == 1:
            raise ConnectionError

    graph.map("spread", work, over=state.items, join="gather")
    assert run_virtual(graph.run(State())).status == "done"
    assert seen["tasks"] < 10


def test_a_waiting_cursor_holds_no_task() -> None:
    """S2.3, S10.1: nor do hundreds of open questions."""
    graph, seen = watched()
    graph.map("spread", graph.ask("sure", "Sure?", answer=bool, writes=state.sure), over=state.items, join="gather")
    run = run_virtual(graph.run(State()))
    assert (run.status, len(run.questions)) == ("waiting", WIDTH)
    assert seen["tasks"] < 10
