"""graphflow: pydantic state, every update validated, every step journalled in memory."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field
from timing import CHAIN, LOOP, MAP, report

from graphflow import END, START, Graph, Limits, append, fields

MANY = Limits(steps=1_000_000)


class Count(BaseModel):
    n: int = Field(default=0, ge=0)
    word: str = ""


class Work(BaseModel):
    items: list[int] = []
    results: Annotated[list[int], append] = []


async def up(state: Count) -> dict[str, int]:
    return {"n": state.n + 1}


def chain() -> Graph[Count]:
    graph = Graph("chain", Count, limits=MANY)
    graph.chain(START, *(graph.node(up, name=f"node {index}") for index in range(CHAIN)), END)
    return graph


def loop() -> Graph[Count]:
    graph = Graph("loop", Count, limits=MANY)
    node = graph.node(up)
    graph.edge(START, node)
    graph.edge(node, END, when=fields(Count).n >= LOOP)
    graph.edge(node, node, at_most="unbounded")
    return graph


def mapped() -> Graph[Work]:
    graph = Graph("map", Work, limits=MANY)
    work = fields(Work)

    @graph.node(writes=work.items)
    async def plan(state: Work) -> list[int]:
        return list(range(MAP))

    @graph.node(writes=work.results)
    async def double(state: Work, item: int) -> int:
        return 2 * item

    gather = graph.point("gather")
    graph.edge(START, plan)
    graph.map(plan, double, over=work.items, join=gather)
    graph.edge(gather, END)
    return graph


chains, loops, maps = chain(), loop(), mapped()
report(
    "",
    {
        "chain": (lambda: chains.run_sync(Count()), CHAIN),
        "loop": (lambda: loops.run_sync(Count()), LOOP),
        "map": (lambda: maps.run_sync(Work()), MAP),
    },
)
