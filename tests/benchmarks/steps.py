"""What a step costs: chains, loops, beside idle nodes and fields, and in many runs at once."""

from __future__ import annotations

import asyncio
from typing import Any

from measuring import Measured, compare, timed_async
from pydantic import BaseModel, Field, create_model

from graphflow import END, START, Graph, Limits, fields

MANY = Limits(steps=10_000_000)


class Count(BaseModel):
    n: int = Field(default=0, ge=0)
    word: str = ""


async def up(state: Any) -> dict[str, int]:
    return {"n": state.n + 1}


def chain_of(length: int) -> Graph[Count]:
    graph = Graph("chain", Count, limits=MANY)
    graph.chain(START, *(graph.node(up, name=f"node {index}") for index in range(length)), END)
    graph.check()
    return graph


def loop_of(rounds: int, state: type[BaseModel] = Count, idle: int = 0) -> Graph[Any]:
    """One node, ``rounds`` times; and a chain of ``idle`` nodes for an error that never comes."""
    graph = Graph("loop", state, limits=MANY)
    node = graph.node(up)
    graph.edge(START, node)
    graph.edge(node, END, when=fields(state).n >= rounds)  # type: ignore[attr-defined]
    graph.edge(node, node, at_most="unbounded")
    if idle:
        others = [graph.node(up, name=f"idle {index}") for index in range(idle)]
        graph.edge(node, others[0], on_error=ZeroDivisionError)
        graph.chain(*others, END)
    graph.check()
    return graph


async def bare_steps(steps: int) -> None:
    """The floor: the same updates, by hand."""

    async def node(values: dict[str, Any]) -> dict[str, Any]:
        return {"n": values["n"] + 1}

    values: dict[str, Any] = {"n": 0, "word": ""}
    for _ in range(steps):
        values.update(await node(values))


def chain() -> Measured:
    graph = chain_of(1_000)
    work = timed_async(lambda: graph.run(Count()), times=10)
    return compare(work, timed_async(lambda: bare_steps(100_000)), 1_000, 100_000)


def loop() -> Measured:
    graph = loop_of(10_000)
    return compare(timed_async(lambda: graph.run(Count())), timed_async(lambda: bare_steps(100_000)), 10_000, 100_000)


def idle_nodes() -> Measured:
    few, many = loop_of(5_000, idle=10), loop_of(5_000, idle=1_000)
    return compare(timed_async(lambda: many.run(Count())), timed_async(lambda: few.run(Count())), 5_000)


def state_of(size: int) -> type[BaseModel]:
    others: dict[str, Any] = {f"field_{index}": (str, "") for index in range(size - 1)}
    return create_model("State", n=(int, 0), **others)


def many_fields() -> Measured:
    few, many = state_of(5), state_of(100)
    small, large = loop_of(5_000, few), loop_of(5_000, many)
    return compare(timed_async(lambda: large.run(many())), timed_async(lambda: small.run(few())), 5_000)


def concurrent() -> Measured:
    """Every node yields once, so that the runs are under way at the same time."""
    runs, steps = 10_000, 10
    graph = Graph("short", Count)

    @graph.node
    async def breathe(state: Count) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"n": state.n + 1}

    graph.edge(START, breathe)
    graph.edge(breathe, END, when=fields(Count).n >= steps)
    graph.edge(breathe, breathe, at_most=steps)
    graph.edge(breathe, END)
    graph.check()

    async def together() -> None:
        await asyncio.gather(*(graph.run(Count()) for _ in range(runs)))

    async def bare_run() -> None:
        async def node(values: dict[str, int]) -> dict[str, int]:
            await asyncio.sleep(0)
            return {"n": values["n"] + 1}

        values = {"n": 0}
        for _ in range(steps):
            values.update(await node(values))

    async def bare() -> None:
        await asyncio.gather(*(bare_run() for _ in range(runs)))

    return compare(timed_async(together), timed_async(bare), runs * steps)


MEASURES = {"chain": chain, "loop": loop, "idle_nodes": idle_nodes, "fields": many_fields, "concurrent": concurrent}
