"""LangGraph: StateGraph over a pydantic state, compiled without a checkpointer, tracing off."""

from __future__ import annotations

import asyncio
import operator
import os
from typing import Annotated, Any

os.environ["LANGSMITH_TRACING"] = "false"
os.environ["LANGCHAIN_TRACING_V2"] = "false"

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic import BaseModel, Field
from timing import CHAIN, LOOP, MAP, report


class Count(BaseModel):
    n: int = Field(default=0, ge=0)
    word: str = ""


class Work(BaseModel):
    items: list[int] = []
    results: Annotated[list[int], operator.add] = []


async def up(state: Count) -> dict[str, int]:
    return {"n": state.n + 1}


def chain() -> Any:
    graph = StateGraph(Count)
    names = [f"node{index}" for index in range(CHAIN)]
    for name in names:
        graph.add_node(name, up)
    for source, target in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(source, target)
    return graph.compile()


def loop() -> Any:
    graph = StateGraph(Count)
    graph.add_node("up", up)
    graph.add_edge(START, "up")
    graph.add_conditional_edges("up", lambda state: "up" if state.n < LOOP else END, ["up", END])
    return graph.compile()


def mapped() -> Any:
    async def plan(state: Work) -> dict[str, list[int]]:
        return {"items": list(range(MAP))}

    async def double(item: int) -> dict[str, list[int]]:
        return {"results": [2 * item]}

    graph = StateGraph(Work)
    graph.add_node("plan", plan)
    graph.add_node("double", double)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: [Send("double", item) for item in state.items], ["double"])
    graph.add_edge("double", END)
    return graph.compile()


chains, loops, maps = chain(), loop(), mapped()
MANY = {"recursion_limit": 100_000}
report(
    "langgraph",
    {
        "chain": (lambda: asyncio.run(chains.ainvoke(Count(), MANY)), CHAIN),
        "loop": (lambda: asyncio.run(loops.ainvoke(Count(), MANY)), LOOP),
        "map": (lambda: asyncio.run(maps.ainvoke(Work(), MANY)), MAP),
    },
)
