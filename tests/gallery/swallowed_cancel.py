"""A node that does not end when its run does: whatever goes wrong is caught and tried again, a cancel with it."""

import asyncio

from pydantic import BaseModel

from graphflow import END, START, Graph, fields
from graphflow.testing import faults


class News(BaseModel):
    fact: str = ""


graph = Graph("news", News)


@graph.node(writes=fields(News).fact)
async def web(state: News) -> str:
    for _ in range(3):
        try:
            await asyncio.sleep(1)  # stands for the request
            break
        except BaseException:  # and so for asyncio.CancelledError
            continue
    return "owls hear mice"


graph.chain(START, web, END)

SIMULATED = True
FAULTS = faults.cancel()
