"""What a branch costs, and whether anything waits that need not: maps, and uneven forks on a virtual clock."""

from __future__ import annotations

import asyncio
import random
from typing import Annotated, Any

from measuring import Measured, Sample, compare, timed_async
from pydantic import BaseModel

from graphflow import END, START, Graph, Limits, append, fields
from graphflow.graph.handles import Handle
from graphflow.testing.virtual import run_virtual


class Work(BaseModel):
    items: list[int] = []
    results: Annotated[list[int], append] = []


def map_over(width: int, waits: bool = False) -> Graph[Work]:
    graph = Graph("map", Work, limits=Limits(steps=10_000_000, fork_width=1_000_000))
    work = fields(Work)

    @graph.node(writes=work.items)
    async def plan(state: Work) -> list[int]:
        return list(range(width))

    @graph.node(writes=work.results)
    async def double(state: Work, item: int) -> int:
        if waits:
            await asyncio.sleep(0)
        return 2 * item

    gather = graph.point("gather")
    graph.edge(START, plan)
    graph.map(plan, double, over=work.items, join=gather)
    graph.edge(gather, END)
    graph.check()
    return graph


async def bare_gather(width: int, waits: bool = False) -> list[int]:
    async def double(item: int) -> int:
        if waits:
            await asyncio.sleep(0)
        return 2 * item

    return await asyncio.gather(*(double(item) for item in range(width)))


def mapped(width: int, times: int = 1, waits: bool = False) -> Sample:
    graph = map_over(width, waits)
    return timed_async(lambda: graph.run(Work()), times)


def map_1000() -> Measured:
    return compare(mapped(1_000, 10), timed_async(lambda: bare_gather(1_000), 10), 1_000)


def map_10000() -> Measured:
    return compare(mapped(10_000), timed_async(lambda: bare_gather(10_000)), 10_000)


def map_100000() -> Measured:
    return compare(mapped(100_000), timed_async(lambda: bare_gather(100_000)), 100_000)


def map_waiting() -> Measured:
    return compare(mapped(10_000, waits=True), timed_async(lambda: bare_gather(10_000, waits=True)), 10_000)


def map_linear() -> Measured:
    return compare(mapped(100_000), mapped(1_000, 20), 100_000, 1_000)


class Uneven:
    """A random graph of chains and nested forks, whose nodes sleep, and the critical path that follows from them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.graph = Graph("uneven", Work)
        self.count = 0
        first, last, self.critical_s = self.block(depth=3)
        self.graph.edge(START, first)
        self.graph.edge(last, END)
        self.graph.check()

    def sleeper(self) -> tuple[Handle, float]:
        service_s = self.random.expovariate(1.0)
        self.count += 1

        async def sleep(state: Work) -> None:
            await asyncio.sleep(service_s)

        return self.graph.node(sleep, name=f"sleep {self.count}"), service_s

    def block(self, depth: int) -> tuple[Handle, Handle, float]:
        """Some blocks in a row, or one fork of several: its first and last node, and its seconds."""
        first, total_s = self.sleeper()
        last = first
        for _ in range(self.random.randint(1, 3)):
            if depth and self.random.random() < 0.6:
                parts = [self.block(depth - 1) for _ in range(self.random.randint(2, 4))]
                join, join_s = self.sleeper()
                self.graph.fork(last, [part[0] for part in parts], join=join)
                for part in parts:
                    self.graph.edge(part[1], join)
                last = join
                total_s += max(part[2] for part in parts) + join_s
            else:
                step, step_s = self.sleeper()
                self.graph.edge(last, step)
                last = step
                total_s += step_s
        return first, last, total_s

    def makespan_s(self) -> float:
        async def main() -> float:
            begun = asyncio.get_running_loop().time()
            await self.graph.run(Work())
            return asyncio.get_running_loop().time() - begun

        return run_virtual(main())


def makespan() -> Measured:
    graphs = [Uneven(seed) for seed in range(20)]
    ratios = [graph.makespan_s() / graph.critical_s for graph in graphs]
    return Measured(max(ratios), note=f"worst of {len(graphs)} graphs, {sum(g.count for g in graphs)} nodes")


MEASURES: dict[str, Any] = {
    "map_1000": map_1000,
    "map_10000": map_10000,
    "map_100000": map_100000,
    "map_linear": map_linear,
    "map_waiting": map_waiting,
    "makespan": makespan,
}
