"""A task that outlives its run: the index is refreshed on the side, and nobody waits for that."""

import asyncio

from pydantic import BaseModel

from graphflow import END, START, Graph, fields


class News(BaseModel):
    fact: str = ""


graph = Graph("news", News)


async def refresh_index() -> None:
    await asyncio.sleep(5)


@graph.node(writes=fields(News).fact)
async def web(state: News) -> str:
    asyncio.create_task(refresh_index())  # noqa: RUF006
    return "owls hear mice"


graph.chain(START, web, END)

SIMULATED = True
