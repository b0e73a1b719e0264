"""pydantic-graph: the builder API without instrumentation; the state validates assignments."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_graph import GraphBuilder, StepContext, reduce_list_append
from timing import CHAIN, LOOP, MAP, report


class Count(BaseModel):
    model_config = ConfigDict(validate_assignment=True)
    n: int = Field(default=0, ge=0)
    word: str = ""


async def up(ctx: StepContext[Count, None, None]) -> None:
    ctx.state.n += 1


def chain() -> Any:
    builder = GraphBuilder(state_type=Count, auto_instrument=False)
    steps = [builder.step(up, node_id=f"node{index}") for index in range(CHAIN)]
    for source, target in zip([builder.start_node, *steps], [*steps, builder.end_node], strict=True):
        builder.add_edge(source, target)
    return builder.build()


def loop() -> Any:
    builder = GraphBuilder(state_type=Count, auto_instrument=False)

    @builder.step
    async def count(ctx: StepContext[Count, None, Any]) -> Literal["again", "done"]:
        ctx.state.n += 1
        return "again" if ctx.state.n < LOOP else "done"

    decision = builder.decision()
    decision = decision.branch(builder.match(Literal["again"]).to(count))
    decision = decision.branch(builder.match(Literal["done"]).to(builder.end_node))
    builder.add(builder.edge_from(builder.start_node).to(count), builder.edge_from(count).to(decision))
    return builder.build()


def mapped() -> Any:
    builder = GraphBuilder(state_type=Count, output_type=list[int], auto_instrument=False)

    @builder.step
    async def plan(ctx: StepContext[Count, None, None]) -> list[int]:
        return list(range(MAP))

    @builder.step
    async def double(ctx: StepContext[Count, None, int]) -> int:
        return 2 * ctx.inputs

    gather = builder.join(reduce_list_append, initial_factory=list[int])
    builder.add_edge(builder.start_node, plan)
    builder.add_mapping_edge(plan, double)
    builder.add_edge(double, gather)
    builder.add_edge(gather, builder.end_node)
    return builder.build()


chains, loops, maps = chain(), loop(), mapped()
report(
    "pydantic-graph",
    {
        "chain": (lambda: asyncio.run(chains.run(state=Count())), CHAIN),
        "loop": (lambda: asyncio.run(loops.run(state=Count())), LOOP),
        "map": (lambda: asyncio.run(maps.run(state=Count())), MAP),
    },
)
