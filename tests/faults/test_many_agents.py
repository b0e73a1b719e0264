"""A thousand agents at once against a real server: every answer right, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import resource
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from graphflow import END, START, Agent, Graph, Limits, Retry, append, fields
from graphflow.errors import ModelError
from graphflow.models import Limiter
from graphflow.testing import FakeOpenAI, wire

MANY = 1_100
POOL = 1_000
"""Connections at most, as the client has it by itself: fewer than there are agents."""

doubler = Agent("double", "Double it.", prompt="{number}", output=int)


@pytest.fixture(autouse=True)
def _enough_files() -> Iterator[None]:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * POOL + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["httpx", "aiohttp"])
def http(request: pytest.FixtureRequest) -> str:
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp")
    return str(request.param)


def doubled(request: Any) -> Any:
    return wire.slow(0.02, str(2 * int(request.messages[-1].text)))


def check_nothing_is_left(server: FakeOpenAI, requests: int) -> None:
    """Warnings are errors: a socket or client that is collected while open would be one."""
    server.wait_closed()
    assert (server.connections_open, server.in_flight, server.abandoned) == (0, 0, 0)
    assert server.most_in_flight <= POOL
    assert server.connections_made <= POOL
    assert len(server.requests) == requests
    gc.collect()


def test_agents_alone(http: Any) -> None:
    async def main() -> list[int]:
        model = server.model(http=http)
        results = await asyncio.gather(*(doubler.run(number=number, model=model) for number in range(MANY)))
        await model.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return [result.output for result in results]

    with FakeOpenAI(doubled) as server:
        assert asyncio.run(main()) == [2 * number for number in range(MANY)]
        check_nothing_is_left(server, MANY)


@pytest.mark.parametrize("most", [1, 7, 50])
def test_agents_stay_within_the_window_of_their_limiter(http: Any, most: int) -> None:
    """Asserted where it counts: the server never sees more of them at once, nor more connections."""
    many = MANY if most == 50 else 20 * most

    async def main() -> None:
        model = server.model(http=http, limiter=Limiter(most_at_once=most))
        results = await asyncio.gather(*(doubler.run(number=number, model=model) for number in range(many)))
        await model.aclose()
        assert [result.output for result in results] == [2 * number for number in range(many)]

    with FakeOpenAI(lambda request: str(2 * int(request.messages[-1].text))) as server:
        asyncio.run(main())
        assert server.most_in_flight <= most
        assert server.connections_made <= most
        check_nothing_is_left(server, many)


class Numbers(BaseModel):
    given: list[int] = []
    doubled: Annotated[list[int], append] = []


numbers = fields(Numbers)


def mapped() -> Graph[Numbers]:
    """An agent for each number: as many at once as there are connections."""
    graph = Graph("numbers", Numbers, limits=Limits(steps=2 * MANY))
    agent = Agent(
        "double",
        "Double it.",
        prompt=lambda view, item: str(item),
        output=int,
        retry=Retry(attempts=3, first_s=0.01, on=ModelError),
    )

    @graph.node
    def begin(state: Numbers) -> None:
        return None

    @graph.node
    def finish(state: Numbers) -> None:
        return None

    node = graph.node(agent, writes=numbers.doubled)
    graph.edge(START, begin)
    graph.map(begin, node, over=numbers.given, join=finish)
    graph.edge(finish, END)
    return graph


def test_agents_of_one_graph() -> None:
    with FakeOpenAI(doubled) as server:
        run = mapped().run_sync(Numbers(given=list(range(MANY))), model=server.model())
        assert run.state.doubled == [2 * number for number in range(MANY)]
        assert run.usage.model_calls == MANY
        check_nothing_is_left(server, MANY)


def test_every_tenth_request_fails() -> None:
    """S8.1: each fault costs its agent one request more and nobody else anything."""
    seen: set[str] = set()

    def answer(request: Any) -> Any:
        asked = request.messages[-1].text
        if asked.endswith("3") and asked not in seen:
            seen.add(asked)
            return [wire.rate_limited(), wire.dropped(), wire.truncated_body()][int(asked) // 10 % 3]
        return doubled(request)

    given = list(range(300))
    with FakeOpenAI(answer) as server:
        run = mapped().run_sync(Numbers(given=given), model=server.model())
        assert run.state.doubled == [2 * number for number in given]
        assert len(seen) == 30
        check_nothing_is_left(server, len(given) + len(seen))
