"""OpenAIModel and its limiter: real responses on loopback, and time that is nobody's but the line's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphflow.agents.limiter import shared_limiter
from graphflow.agents.openai_exchange import Exchange
from graphflow.errors import ModelTimeout, RateLimited
from graphflow.models import Limiter, Message, OpenAIModel, Piece, Request
from graphflow.testing.virtual import run_virtual
from tests.agents.loopback import Reply, chat, chat_events, error, serving

ASKED = Request((Message("user", "Hello?"),))
KEY = "canary0123456789"
LEFT = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "53s"}


def left(limiter: Limiter) -> float:
    return float(limiter._shared._calls.left)


@pytest.mark.parametrize("streams", [False, True])
def test_it_is_told_of_the_headers_of_every_response(streams: bool) -> None:
    answer = chat()
    reply = Reply(answer.body, headers=LEFT, chunks=chat_events(answer) if streams else None)
    limiter, shown = Limiter(), list[Piece]()

    async def main(url: str) -> None:
        model = OpenAIModel("m", base_url=url, api_key=KEY, limiter=limiter)
        await (model.stream(ASKED, shown.append) if streams else model.respond(ASKED))

    with serving(reply) as server:
        asyncio.run(main(server.url))
    assert 7 <= left(limiter) < 8
    assert (limiter.under_way, limiter.in_line) == (0, 0)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("status", "width"), [(429, 10), (503, 10), (529, 10), (500, 20), (400, 20)])
def test_it_is_told_of_errors_their_status_and_their_headers(status: int, width: int, streams: bool) -> None:
    limiter = Limiter(first_at_once=20)

    async def main(url: str) -> None:
        model = OpenAIModel("m", base_url=url, api_key=KEY, limiter=limiter)
        await (model.stream(ASKED, lambda piece: None) if streams else model.respond(ASKED))

    said = error(status)
    with serving(Reply(said.body, status, LEFT)) as server, pytest.raises(Exception, match="GF4"):
        asyncio.run(main(server.url))
    assert limiter.at_once == width
    assert 7 <= left(limiter) < 8


def test_all_models_of_one_server_key_and_name_share_theirs() -> None:
    """Whoever is told to wait, all wait; another key is another line."""

    async def main(url: str) -> None:
        named = [("m", KEY), ("m", KEY), ("m", "another"), ("n", KEY)]
        first, second, third, fourth = models = [OpenAIModel(name, base_url=url, api_key=key) for name, key in named]
        with pytest.raises(RateLimited):
            await first.respond(ASKED)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await second.respond(ASKED)
        await third.respond(ASKED)
        await fourth.respond(ASKED)
        assert shared_limiter(url, KEY, "m").at_once == 10
        for model in models:
            await model.aclose()

    with serving(error(429, retry_after="300"), chat()) as server:
        asyncio.run(main(server.url))
        assert len(server.seen) == 3


def test_the_wait_is_no_part_of_the_calls_own_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call has ``timeout_s`` from when it is sent; one that is sent and does not come halves the window."""
    lasts = [4.0, 4.0, 6.0]

    async def whole(self: Exchange, path: str, body: Any) -> Any:
        await asyncio.sleep(lasts.pop(0))
        return chat().body

    monkeypatch.setattr(Exchange, "whole", whole)
    limiter = Limiter(first_at_once=1, most_at_once=1)

    async def main() -> list[Any]:
        model = OpenAIModel("m", base_url="http://localhost:1/v1", timeout_s=5, limiter=limiter, http="httpx")
        found = await asyncio.gather(*(model.respond(ASKED) for _ in range(3)), return_exceptions=True)
        assert asyncio.get_running_loop().time() == pytest.approx(4 + 4 + 5)
        await model.aclose()
        return found

    found = run_virtual(main())
    assert [getattr(one, "text", type(one)) for one in found] == ["Hello.", "Hello.", ModelTimeout]
