"""A run that never comes to rest: one branch waits for the other, which waits for it."""

import asyncio
from typing import Annotated, Any

from pydantic import BaseModel

from graphflow import END, START, Context, Graph, append, fields


class News(BaseModel):
    facts: Annotated[list[str], append] = []


class Desk:
    """What the branches tell each other."""

    def __init__(self) -> None:
        self.web, self.archive = asyncio.Event(), asyncio.Event()


news = fields(News)
graph = Graph("news", News)
plan, gather = graph.point("plan"), graph.point("gather")


@graph.node(writes=news.facts)
async def web(state: News, ctx: Context[Any]) -> str:
    await ctx.deps.archive.wait()
    ctx.deps.web.set()
    return "owls hear mice"


@graph.node(writes=news.facts)
async def archive(state: News, ctx: Context[Any]) -> str:
    await ctx.deps.web.wait()
    ctx.deps.archive.set()
    return "owls see mice"


graph.edge(START, plan)
graph.fork(plan, [web, archive], join=gather)
graph.edge(gather, END)

SIMULATED = True
DEPS = Desk
