"""Words for the tests of intricate graphs: a state, nodes that note their names, a crowd that is counted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import (
    Context,
    Graph,
    RunFailed,
    append,
    extend,
    fields,
    local,
    merge,
)
from graphflow.graph.handles import Handle
from graphflow.runtime.run import Run
from graphflow.testing.virtual import run_virtual


class State(BaseModel):
    n: int = 0
    word: str = ""
    items: list[str] = ["p", "q", "r", "s"]
    log: Annotated[list[str], append] = []
    more: Annotated[list[str], extend] = []
    marks: Annotated[dict[str, int], merge] = {}
    note: Annotated[int, local] = 0
    approved: Annotated[bool, local] = False


state = fields(State)


class Broken(Exception):
    """As the test asks."""


class Crowd:
    """How many were at work at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def work(self, seconds: float = 1) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(seconds)
        self.now -= 1


def node(graph: Graph[State], name: str, result: Any = None, seconds: float = 0, **options: Any) -> Handle:
    """A node that returns, or raises, ``result`` after some seconds, and notes its name."""

    async def work(view: State, ctx: Context[Any]) -> dict[str, object]:
        await asyncio.sleep(seconds)
        if isinstance(result, Exception):
            raise result
        return {"log": name} if result is None else dict(result)

    return graph.node(work, name=name, **options)


def failed(graph: Graph[State]) -> Run[Any]:
    with pytest.raises(RunFailed) as caught:
        run_virtual(graph.run(State()))
    run: Run[Any] = caught.value.run
    return run


def kinds(run: Run[Any]) -> list[str]:
    return [entry["kind"] for entry in run.journal]
