"""What an agent costs beside the call of its model: a turn in a graph, against the bare client and the same server.

The server is a process of its own, so that neither its CPU time counts nor its hold on the interpreter.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from measuring import REPOSITORY, STEADY, Measured
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, fields
from graphflow.models import OpenAIModel

TURNS = 100
RUNS = 15

Calls = Callable[[], Awaitable[Any]]


class Page(BaseModel):
    topic: str = "owls hear a mouse under the snow"
    text: str = ""


def chain_of_agents() -> Graph[Page]:
    graph = Graph("turns", Page)
    agent = Agent("write", "Write a tight essay of 200 words.", prompt="Topic: {topic}\nSo far: {text}")
    nodes = [graph.node(agent, name=f"write {index}", writes=fields(Page).text) for index in range(TURNS)]
    graph.chain(START, *nodes, END)
    graph.check()
    return graph


async def thread_s(calls: Calls) -> float:
    """CPU seconds of this thread for one call of a model."""
    gc.collect()
    begun = time.thread_time()
    await calls()
    return (time.thread_time() - begun) / TURNS


SERVER = """
import sys
from graphflow.testing import FakeOpenAI
with FakeOpenAI(lambda request: "Owls hunt at night.") as server:
    print(server.base_url, flush=True)
    sys.stdin.read()
"""


@contextmanager
def serving() -> Iterator[str]:
    """The URL of a server that answers until the block is left."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()


async def overheads(base_url: str) -> list[tuple[float, float, bool]]:
    """The CPU seconds of a turn and of a bare call, and whether those before and after were about the same."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    graph, model = chain_of_agents(), OpenAIModel("fake-model", base_url=base_url, api_key="sk-test", http="aiohttp")
    client = AsyncOpenAI(base_url=base_url, api_key="sk-test", max_retries=0, http_client=DefaultAioHttpClient())
    messages = [
        {"role": "system", "content": "Write a tight essay of 200 words."},
        {"role": "user", "content": "Topic: owls hear a mouse under the snow\nSo far: Owls hunt at night."},
    ]

    async def bare() -> None:
        for _ in range(TURNS):
            await client.post(
                "/chat/completions", cast_to=httpx2.Response, body={"model": "fake-model", "messages": messages}
            )

    async def turns() -> None:
        run = await graph.run(Page(), model=model)
        assert run.usage.model_calls == TURNS

    await thread_s(turns), await thread_s(bare)  # warm up
    found: list[tuple[float, float, bool]] = []
    for _ in range(RUNS):
        before, turn, after = await thread_s(bare), await thread_s(turns), await thread_s(bare)
        found.append((turn, (before + after) / 2, abs(before - after) <= STEADY * min(before, after)))
    await client.close()
    await model.aclose()
    return found


def agent_turn() -> Measured:
    """The difference in milliseconds: a ratio would say more of the client than of us."""
    with serving() as base_url:
        found = asyncio.run(overheads(base_url))
    steady = [one for one in found if one[2]]
    kept = steady if len(steady) >= 3 else found
    return Measured(
        value=median(turn - floor for turn, floor, _ in kept) * 1e3,
        cost_us=median(turn for turn, *_ in kept) * 1e6,
        floor_us=median(floor for _, floor, _ in kept) * 1e6,
        dropped=len(found) - len(steady),
        is_steady=len(steady) >= 3,
        note="milliseconds, no ratio",
    )


MEASURES = {"agent_turn": agent_turn}
