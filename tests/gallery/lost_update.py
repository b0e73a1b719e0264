"""An update that is lost: two branches at once read the same counter, wait, and write what they have read plus one."""

import asyncio
from typing import Annotated, Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, append, fields
from graphflow.testing import faults


class News(BaseModel):
    facts: Annotated[list[str], append] = []


class Quota:
    """Stands for what is counted elsewhere."""

    def __init__(self) -> None:
        self.used = 0

    async def take(self) -> None:
        used = self.used
        await asyncio.sleep(0.01)
        self.used = used + 1


news = fields(News)
graph = Graph("news", News)
plan, gather = graph.point("plan"), graph.point("gather")


@graph.node(writes=news.facts)
async def web(state: News, ctx: Context[Any]) -> str:
    await ctx.deps.take()
    return "owls hear mice"


@graph.node(writes=news.facts)
async def archive(state: News, ctx: Context[Any]) -> str:
    await ctx.deps.take()
    return "owls see mice"


graph.edge(START, plan)
graph.fork(plan, [web, archive], join=gather)
graph.edge(gather, END)

SIMULATED = True
FAULTS = faults.none
DEPS = Quota
